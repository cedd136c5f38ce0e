package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/backend/cpu/isa"
	"hark/engine/backend/cpu/kernel"
	"hark/engine/chat"
	"hark/engine/demo"
	"hark/engine/hub"
	"hark/engine/inspect"
	"hark/engine/tensor"
	"hark/internal/host"
)

// doctorCommand looks whether hark works on this machine.
type doctorCommand struct {
	JSON   bool   `help:"Print one JSON object."`
	MLXLib string `name:"mlx-lib" help:"File of mlx-c; without it the usual places are looked through." placeholder:"FILE"`
}

// diagnosis is what was found.
type diagnosis struct {
	OK       bool      `json:"ok"`
	Version  string    `json:"version"`
	Machine  machine   `json:"machine"`
	Findings []finding `json:"findings"`
}

// machine is what hark runs on. Sizes that the system does not tell are 0.
type machine struct {
	OS              string   `json:"os"`
	Arch            string   `json:"arch"`
	Processor       string   `json:"processor,omitempty"`
	Cores           int      `json:"cores"`        // of the machine
	UsableCores     int      `json:"usable_cores"` // by this process, limits of a container counted
	Features        []string `json:"features"`
	InUse           string   `json:"instructions_in_use"`
	MemoryBytes     int64    `json:"memory_bytes,omitempty"` // limits of a container counted
	AvailableMemory int64    `json:"available_memory_bytes,omitempty"`
}

// The outcomes of a look.
const (
	pass = "PASS"
	fail = "FAIL"
	info = "INFO"
)

// finding is one line of the diagnosis.
type finding struct {
	Name    string  `json:"name"`
	Status  string  `json:"status"`
	Detail  string  `json:"detail"`
	Path    string  `json:"path,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Run examines and prints. A failed check makes the exit code 1.
func (c *doctorCommand) Run(ctx context.Context) error {
	d := diagnosis{Version: version(), Machine: thisMachine()}
	d.Findings = append(d.Findings, d.Machine.findings()...)
	d.Findings = append(d.Findings, kernelFindings(kernel.SelfTest())...)
	d.Findings = append(d.Findings, mlxFinding(ctx, c.MLXLib))
	d.Findings = append(d.Findings, libraries()...)
	d.Findings = append(d.Findings, cacheFinding(), voiceFinding(ctx), modelFinding(ctx))
	failed := 0
	for _, f := range d.Findings {
		if f.Status == fail {
			failed++
		}
	}
	d.OK = failed == 0
	if err := d.write(os.Stdout, c.JSON); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(d.Findings))
	}
	return nil
}

func (d *diagnosis) write(w io.Writer, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(d)
	}
	lines := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, f := range d.Findings {
		fmt.Fprintf(lines, "%s\t%s\t%s\n", f.Status, f.Name, f.Detail)
	}
	return lines.Flush()
}

func thisMachine() machine {
	m := machine{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Processor: processor(), Cores: runtime.NumCPU(), UsableCores: runtime.GOMAXPROCS(0),
		Features: isa.Features(), InUse: isa.Current().String(),
	}
	if total, available, err := host.Memory(); err == nil {
		m.MemoryBytes, m.AvailableMemory = total, available
	}
	return m
}

// processor returns its name where the system has it in a file.
func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(data) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		if string(bytes.TrimSpace(key)) == "model name" {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

func (m *machine) findings() []finding {
	cores := fmt.Sprintf("%d cores", m.Cores)
	if m.UsableCores != m.Cores {
		cores = fmt.Sprintf("%d of %d cores, by the limits of its container or GOMAXPROCS", m.UsableCores, m.Cores)
	}
	system := finding{Name: "machine", Status: pass, Detail: strings.Join(slices.DeleteFunc(
		[]string{m.OS + "/" + m.Arch, m.Processor, cores}, func(s string) bool { return s == "" }), ", ")}
	memory := finding{Name: "memory", Status: info, Detail: "not known on this system"}
	if m.MemoryBytes > 0 {
		memory.Detail = fmt.Sprintf("%s, %s free", inspect.Size(m.MemoryBytes), inspect.Size(m.AvailableMemory))
	}
	has := "none that hark has kernels for"
	if len(m.Features) > 0 {
		has = strings.Join(m.Features, " ")
	}
	levels := isa.Available()
	best := levels[len(levels)-1]
	detail := fmt.Sprintf("%s in use; the processor has %s", m.InUse, has)
	if best.String() != m.InUse {
		detail += fmt.Sprintf("; HARK_ISA keeps it from %v", best)
	}
	return []finding{system, memory, {Name: "instructions", Status: pass, Detail: detail}}
}

// kernelFindings tells of each implementation how it did.
func kernelFindings(results []kernel.Result) []finding {
	var list []finding
	for _, level := range isa.Available() {
		f := finding{Name: "kernels " + level.String(), Status: pass}
		count, wrong := 0, []string(nil)
		for _, r := range results {
			if r.Level != level {
				continue
			}
			if count++; !r.OK() {
				wrong = append(wrong, fmt.Sprintf("%s is off by %.3g, at most %.3g is right", r.Kernel, r.Error, r.Bound))
			}
		}
		f.Detail = fmt.Sprintf("%d compute right", count)
		if len(wrong) > 0 {
			f.Status, f.Detail = fail, strings.Join(wrong, "; ")
		}
		list = append(list, f)
	}
	return list
}

// library is something that hark does without and that people ask about.
type library struct {
	name, what string
	files      []string // names of the file, without extension and version
	program    string   // or a program of that name
}

var wanted = []library{
	{"portaudio", "sound devices", []string{"libportaudio"}, ""},
	{"espeak-ng", "speech synthesis", []string{"libespeak-ng"}, "espeak-ng"},
	{"onnxruntime", "neural networks", []string{"libonnxruntime"}, ""},
}

// libraries looks for them. That one is missing is no failure.
func libraries() []finding {
	var list []finding
	folders := libraryFolders()
	for _, l := range wanted {
		f := finding{Name: l.name, Status: info, Detail: "not found (" + l.what + ")"}
		if path := l.find(folders); path != "" {
			f.Path, f.Detail = path, path+" ("+l.what+")"
		}
		list = append(list, f)
	}
	return list
}

// find returns the first file or program.
func (l *library) find(folders []string) string {
	extension := ".so"
	if runtime.GOOS == "darwin" {
		extension = ".dylib"
	}
	for _, folder := range folders {
		for _, name := range l.files {
			for _, pattern := range []string{name + extension, name + extension + ".*", name + ".*" + extension} {
				if found, err := filepath.Glob(filepath.Join(folder, pattern)); err == nil && len(found) > 0 {
					return found[0]
				}
			}
		}
	}
	if l.program != "" {
		if path, err := exec.LookPath(l.program); err == nil {
			return path
		}
	}
	return ""
}

// libraryFolders are the places where systems and package managers put
// libraries, the user's own first.
func libraryFolders() []string {
	folders := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	folders = append(folders, filepath.SplitList(os.Getenv("DYLD_LIBRARY_PATH"))...)
	if self, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Dir(self))
	}
	folders = append(folders, "/usr/local/lib", "/opt/homebrew/lib", "/opt/local/lib", "/usr/lib", "/usr/lib64", "/lib")
	for _, root := range []string{"/usr/lib", "/lib"} {
		if triplets, err := filepath.Glob(filepath.Join(root, "*-linux-*")); err == nil {
			folders = append(folders, triplets...)
		}
	}
	return folders
}

// cacheFinding looks at the folder for models of the hub. It need not be there
// yet.
func cacheFinding() finding {
	root := hubOptions().Cache
	f := finding{Name: "models", Status: pass, Path: root}
	models, err := hub.Models(root)
	if err != nil {
		f.Status, f.Detail = fail, err.Error()
		return f
	}
	f.Detail = fmt.Sprintf("%s, %d in it", root, len(models))
	there := root
	for {
		if free, err := host.FreeDisk(there); err == nil {
			f.Detail += ", " + inspect.Size(free) + " free"
			break
		} else if up := filepath.Dir(there); up == there || !errors.Is(err, fs.ErrNotExist) {
			break
		} else {
			there = up
		}
	}
	return f
}

// The question that the embedded model must answer, and how.
const (
	question = "What is thirteen plus five?"
	answer   = "Thirteen plus five is eighteen."
)

// modelFinding loads the embedded model and asks it a question.
func modelFinding(ctx context.Context) finding {
	f := finding{Name: "embedded model", Status: fail}
	start := time.Now()
	got, err := askDemo(ctx, cpu.New(nil))
	f.Seconds = time.Since(start).Seconds()
	switch {
	case err != nil:
		f.Detail = err.Error()
	case got.Answer != answer:
		f.Detail = fmt.Sprintf("asked %q, it says %q, want %q", question, got.Answer, answer)
	default:
		f.Status = pass
		f.Detail = fmt.Sprintf("says %q; first token after %.0f ms, then %.0f tokens a second", got.Answer, got.FirstTokenMs, got.TokensASecond)
	}
	return f
}

// askDemo asks the embedded model on a backend, which it closes.
func askDemo(ctx context.Context, b tensor.Backend) (*reply, error) {
	e, err := engine.Open(demo.Source(), b, nil)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	seq, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer seq.Close()
	t := &talker{e: e, seq: seq, generate: engine.Generate{Max: 32}}
	return t.answer(ctx, []chat.Content{{Kind: chat.Text, Text: question}}, io.Discard)
}
