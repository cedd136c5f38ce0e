package arch

// family is what a model family may import: never a backend.
var family = []string{"audio/...", "vision/...", "engine/chat", "engine/model", "engine/sample", "engine/tensor", "engine/token", "engine/weights"}

// imports is the import table: what the files of each package, tests aside,
// may import of this module. "x/..." is x and everything below it, "*" is
// everything. A package without a line here is a violation: a new package is
// a decision about the architecture and is made in this table. Tools are
// commands and share a line.
var imports = map[string][]string{
	"cmd/hark": {"*"},

	"server":               {"session/...", "media/...", "audio/...", "vision/...", "engine/...", "server/...", "docs/openapi", "web"},
	"server/certs":         nil,
	"server/fetch":         nil,
	"server/ffmpeg":        {"audio", "audio/sound"},
	"server/keys":          nil,
	"server/schema":        nil,
	"server/trace":         nil,
	"session":              {"session/...", "media", "audio/...", "vision/...", "engine/..."},
	"session/realtime":     nil,
	"session/conversation": {"session/realtime", "audio/...", "vision/...", "engine/..."},
	"session/turn":         {"audio"},
	"session/client":       nil,

	"media":           nil,
	"media/ws":        {"media", "audio/..."},
	"media/pipe":      {"media", "audio/..."},
	"media/duplex":    {"audio", "audio/resample"},
	"media/camera":    nil,
	"media/mediatest": {"media"},
	"media/jitter":    nil,
	"media/opus":      {"media/jitter"},
	"media/video":     nil,
	"media/rtc/phone": {"media/jitter", "media/opus"},
	"media/rtc":       {"media", "media/jitter", "media/opus", "media/video", "audio", "audio/resample"},

	"audio":               nil,
	"audio/pcm":           {"audio"},
	"audio/resample":      {"audio"},
	"audio/mel":           {"audio"},
	"audio/frame":         {"audio"},
	"audio/vad":           {"audio"},
	"audio/endpoint":      {"audio"},
	"audio/echo":          {"audio"},
	"audio/echo/echotest": {"audio"},
	"audio/wav":           {"audio", "audio/pcm"},
	"audio/mp3":           {"audio"},
	"audio/flac":          {"audio"},
	"audio/ogg":           {"audio"},
	"audio/sound":         {"audio/..."},
	"audio/speech":        {"audio/..."},
	"audio/speech/piper":  nil,
	"vision":              {"vision/resize"},
	"vision/resize":       nil,

	"engine":                     {"engine/...", "audio/...", "vision/..."},
	"engine/chat":                {"engine/grammar", "engine/token"},
	"engine/demo":                {"engine/weights"},
	"engine/grammar":             {"engine/token"},
	"engine/token":               nil,
	"engine/tensor":              nil,
	"engine/tensor/tensortest":   {"engine/tensor"},
	"engine/sample":              {"engine/backend/cpu/kernel", "engine/token"},
	"engine/weights":             {"engine/tensor"},
	"engine/convert":             {"engine/tensor", "engine/weights", "internal/host"},
	"engine/hub":                 {"internal/host"},
	"engine/model":               {"audio", "vision", "engine/chat", "engine/sample", "engine/tensor", "engine/token", "engine/weights"},
	"engine/model/all":           {"engine/model/..."},
	"engine/model/gemma3":        family,
	"engine/model/gemma4":        family,
	"engine/model/modeltest":     {"audio/...", "vision/...", "engine/...", "internal/golden"},
	"engine/inspect":             {"engine/model", "engine/tensor", "engine/weights", "vision"},
	"engine/trace":               {"audio/...", "vision/...", "engine/chat", "engine/model", "engine/tensor", "engine/token", "engine/weights"},
	"engine/backend/all":         {"engine/backend/...", "engine/tensor"},
	"engine/backend/backendtest": {"engine/tensor", "engine/backend/..."},
	"engine/backend/cpu":         {"engine/tensor", "engine/backend/cpu/...", "internal/host"},
	"engine/backend/cpu/isa":     nil,
	"engine/backend/cpu/kernel":  {"engine/backend/cpu/isa"},
	"engine/backend/cpu/roof":    {"engine/backend/cpu/isa"},
	"engine/backend/mlx":         {"engine/tensor", "engine/backend/mlx/..."},
	"engine/backend/mlx/mlxc":    nil,
	"engine/backend/ranks":       {"engine/tensor"},

	"docs/openapi":  nil,
	"web":           nil,
	"e2e":           {"audio", "audio/wav"}, // the microphone of a browser is a WAV
	"internal/arch": nil,
	"internal/host": nil,
	"internal/leak": nil,
	"tools/...":     {"*"},
	"examples/...":  {"audio/...", "vision/...", "engine/...", "session/...", "media/..."}, // nothing internal: as programs of others
}

// modules says which folders may import which module of others, tests
// included: each has few places where it can be replaced.
var modules = map[string][]string{
	"github.com/alecthomas/kong":          {"cmd/hark"},
	"github.com/chromedp/cdproto":         {"e2e"},
	"github.com/chromedp/chromedp":        {"e2e"},
	"github.com/ebitengine/purego":        {"audio/echo", "audio/speech/piper", "engine/backend/mlx/mlxc"},
	"github.com/coder/websocket":          {"media/ws", "server", "cmd/hark", "e2e"},
	"github.com/gordonklaus/portaudio":    {"media/duplex"},
	"github.com/hajimehoshi/go-mp3":       {"audio/mp3"},
	"github.com/jfreymuth/vorbis":         {"audio/ogg"},
	"github.com/mewkiz/flac":              {"audio/flac"},
	"github.com/prometheus/client_golang": {"server"},
	"go.opentelemetry.io/otel":            {"server/trace"},
	"github.com/pion/ice/v4":              {"media/rtc", "media/rtc/phone"},
	"github.com/pion/interceptor":         {"media/rtc"},
	"github.com/pion/logging":             {"media/rtc"},
	"github.com/pion/rtcp":                {"media/rtc", "media/rtc/phone"},
	"github.com/pion/rtp":                 {"media/rtc", "media/rtc/phone"},
	"github.com/pion/transport/v5":        {"media/rtc", "media/rtc/phone"},
	"github.com/pion/webrtc/v4":           {"media/rtc", "media/rtc/phone"},
	"github.com/tphakala/go-opus":         {"audio/ogg", "media/opus"},
	"golang.org/x/image":                  {"vision", "media/video"},
	"golang.org/x/term":                   {"cmd/hark"},
	"golang.org/x/sys":                    {"engine/backend/cpu/isa"},
}

// Limits of length.
const (
	maxFileLines     = 600
	maxFunctionLines = 100
)

// call is something that only some files may do. A place is a file, or a
// folder with a slash at its end for everything below it.
type call struct {
	name   string   // as it is written: os.Getenv, or "go statement"
	tests  bool     // the rule is about test files; otherwise about the others
	places []string // where it is allowed
	advice string   // what to do instead
}

// calls are the restricted calls.
var calls = []call{
	{
		name:   "go statement",
		places: []string{"cmd/hark/", "engine/", "media/", "server/", "session/", "e2e/", "examples/"},
		advice: "who starts a goroutine waits for it (CONTRIBUTING.md, 7): start it in a package that owns goroutines, or add the file here with the place that waits",
	},
	{
		name:   "recover",
		places: []string{"engine/step.go", "engine/backend/ranks/follow.go", "engine/tensor/tensortest/", "audio/sound/sound.go"},
		advice: "a panic is a bug and ends the process; only the engine's step and a rank that follows may turn shape and device panics into errors, and audio/sound those of decoders that are not ours",
	},
	{
		name:   "os.Getenv",
		places: []string{"cmd/", "engine/backend/cpu/isa/", "tools/"},
		advice: "take a setting in the Options of the package; the environment is read in cmd/ and in isa only",
	},
	{
		name:   "os.LookupEnv",
		places: []string{"cmd/", "engine/backend/cpu/isa/", "tools/"},
		advice: "take a setting in the Options of the package; the environment is read in cmd/ and in isa only",
	},
	{
		name:   "panic",
		places: []string{"engine/backend/", "engine/tensor/", "engine/weights/", "engine/model/", "engine/grammar/", "engine/step.go"},
		advice: "return an error; only code that works on shapes panics, when they contradict what was checked at load",
	},
	{
		name:   "slog.Default",
		advice: "take a *slog.Logger in Options (nil: discard)",
	},
	{
		name:   "log.Printf",
		advice: "take a *slog.Logger in Options (nil: discard)",
	},
	{
		name:   "fmt.Println",
		places: []string{"cmd/", "tools/"},
		advice: "return a value or log; only commands print",
	},
	{
		name:   "fmt.Printf",
		places: []string{"cmd/", "tools/"},
		advice: "return a value or log; only commands print",
	},
	{
		name: "time.Sleep", tests: true,
		places: []string{"engine/demo/bench_test.go", "session/"}, // real-time pace; bubbles
		advice: "wait for the event, or run the test in a testing/synctest bubble and add the file here",
	},
	{
		name: "t.Skip", tests: true,
		advice: "a test runs or fails; put what needs a tool behind a build tag and a make target",
	},
	{
		name: "t.Skipf", tests: true,
		advice: "a test runs or fails; put what needs a tool behind a build tag and a make target",
	},
}
