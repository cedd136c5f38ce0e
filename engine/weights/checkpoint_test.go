package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// parse opens one file.
func parse(data []byte) (*Checkpoint, error) {
	return Open(Memory("test", map[string][]byte{singleFile: data}))
}

func TestEntriesAreWhatTheFileSays(t *testing.T) {
	t.Parallel()
	b := numbered("BF16", 2, 3)
	c := open(t, map[string]made{"a": blank("F32"), "b.weight": b, "empty": blank("F32", 0, 4)})
	if got, want := c.Names(), []string{"a", "b.weight", "empty"}; !slices.Equal(got, want) {
		t.Errorf("Names = %v, want %v", got, want)
	}
	e, ok := c.Entry("b.weight")
	if !ok || e.DType != "BF16" || !slices.Equal(e.Shape, b.shape) || !bytes.Equal(e.Data, b.data) || e.File != singleFile {
		t.Errorf("Entry = %+v, %v", e, ok)
	}
	if _, ok := c.Entry("c"); ok {
		t.Error("there is no c")
	}
	if c.Metadata("format") != "mlx" || c.Metadata("other") != "" {
		t.Errorf("Metadata = %q", c.Metadata("format"))
	}
	if c.Bytes() != 16 {
		t.Errorf("Bytes = %d, want 16", c.Bytes())
	}
}

func TestBrokenHeadersAreErrors(t *testing.T) {
	t.Parallel()
	entry := func(rest string) string { return `{"a":{` + rest + `}}` }
	data := make([]byte, 16)
	for _, c := range []struct{ header, want string }{
		{``, "header: EOF"},
		{`[]`, "want an object"},
		{`{`, "header: "},
		{`{} {}`, "something follows"},
		{`{"a":1}`, "tensor a: "},
		{`{"__metadata__":{"k":5}}`, "tensor __metadata__: "},
		{entry(`"dtype":"F32","shape":[4]`), "0 data offsets"},
		{entry(`"dtype":"F32","data_offsets":[0,16]`), "want a shape"},
		{entry(`"dtype":"F31","shape":[4],"data_offsets":[0,16]`), `dtype "F31" is not known`},
		{entry(`"dtype":"F32","shape":[-4],"data_offsets":[0,16]`), "shape [-4]"},
		{entry(`"dtype":"F32","shape":[4.5],"data_offsets":[0,16]`), "tensor a: "},
		{entry(`"dtype":"F32","shape":[3],"data_offsets":[0,16]`), "16 bytes for F32 [3], want 12"},
		{entry(`"dtype":"F4","shape":[33],"data_offsets":[0,16]`), "16 bytes for F4 [33], want 17"},
		{entry(`"dtype":"F32","shape":[4],"data_offsets":[0,17]`), "bytes 0 to 17 of 16"},
		{entry(`"dtype":"F32","shape":[4],"data_offsets":[16,0]`), "bytes 16 to 0 of 16"},
		{entry(`"dtype":"F32","shape":[4],"data_offsets":[-16,0]`), "tensor a: "},
		{entry(`"dtype":"F32","shape":[4],"data_offsets":[18446744073709551600,0]`), "tensor a: "},
		{entry(`"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,16]`), "overflows"},
		{entry(`"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]`), "overflows"},
		{entry(`"dtype":"F32","shape":[` + strings.Repeat("1,", 16) + `4],"data_offsets":[0,16]`), "17 axes"},
		{entry(`"dtype":"F32","shape":[2],"data_offsets":[8,16]`), "starts at byte 8, want 0"},
		{entry(`"dtype":"F32","shape":[2],"data_offsets":[0,8]`), "tensors end at byte 8 of 16"},
		{`{}`, "tensors end at byte 0 of 16"},
		{`{"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}}`, "tensor a: listed twice"},
		{`{"a":{"dtype":"U8","shape":[12],"data_offsets":[0,12]},"b":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}}`,
			"tensor b: starts at byte 8, before a ends at 12"},
		{`{"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},"b":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}}`,
			"tensor b: starts at byte 0, before a ends at 16"},
		{`{"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},"b":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}}`,
			"tensor b: starts at byte 8, want 6"},
	} {
		_, err := parse(join(c.header, data))
		if err == nil || !strings.HasPrefix(err.Error(), "weights: test: model.safetensors: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.90s: %v, want %q", c.header, err, c.want)
		}
	}
	for _, c := range []struct {
		length uint64
		want   string
	}{{17, "header of 17 bytes in a file of 24"}, {maxHeader + 1, "want at most"}, {1 << 63, "want at most"}} {
		whole := append(binary.LittleEndian.AppendUint64(nil, c.length), data...)
		if _, err := parse(whole); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("header length %d: %v, want %q", c.length, err, c.want)
		}
	}
}

// sample is a file with all kinds of tensors.
func sample() []byte {
	tensors := map[string]made{"norm": blank("F32", 5), "scalar": blank("BF16"), "half": numbered("F16", 3, 3)}
	quantized(tensors, "q", "BF16", modes["affine"], 2, 128)
	return file(tensors)
}

func TestTruncatedFilesAreErrors(t *testing.T) {
	t.Parallel()
	data := sample()
	if _, err := parse(data); err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := parse(data[:n]); err == nil {
			t.Fatalf("the first %d bytes of %d open", n, len(data))
		}
	}
	if _, err := parse(append(data, 0)); err == nil {
		t.Error("a byte too many opens")
	}
}

// TestSwappedBitsNeverReachBeyondTheFile: a header with a changed bit is an
// error, or its tensors still lie side by side in the file.
func TestSwappedBitsNeverReachBeyondTheFile(t *testing.T) {
	t.Parallel()
	data := sample()
	head := int(binary.LittleEndian.Uint64(data)) + 8
	refused := 0
	for bit := range head * 8 {
		changed := bytes.Clone(data)
		changed[bit/8] ^= 1 << (bit % 8)
		c, err := parse(changed)
		if err != nil {
			refused++
			continue
		}
		if c.Bytes() != int64(len(data)-head) {
			t.Errorf("bit %d: %d bytes of tensors, want %d", bit, c.Bytes(), len(data)-head)
		}
		for _, name := range c.Names() {
			e, _ := c.Entry(name)
			if size(e.Shape)*dtypeBits[e.DType] != len(e.Data)*8 {
				t.Errorf("bit %d: %s %v has %d bytes", bit, e.DType, e.Shape, len(e.Data))
			}
		}
	}
	if refused < head*8/2 {
		t.Errorf("%d of %d changes refused", refused, head*8)
	}
}

func TestShardsMakeOneCheckpoint(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{
		"1.safetensors": file(map[string]made{"a": blank("F32", 1), "b": blank("F32", 2)}),
		"2.safetensors": file(map[string]made{"c": blank("F32", 3)}),
		indexFile:       []byte(`{"metadata":{"total_size":24},"weight_map":{"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"}}`),
	}
	c, err := Open(Memory("test", files))
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := c.Entry("c"); !ok || e.File != "2.safetensors" || len(c.Names()) != 3 || c.Bytes() != 24 {
		t.Errorf("c = %+v of %v", e, c.Names())
	}
	for _, change := range []struct{ name, content, want string }{
		{indexFile, `{"weight_map":{}}`, "weight_map is empty"},
		{indexFile, `[]`, indexFile},
		{indexFile, `{"weight_map":{"a":"../1.safetensors"}}`, "want a plain name"},
		{indexFile, `{"weight_map":{"a":""}}`, "want a plain name"},
		{indexFile, `{"weight_map":{"a":"9.safetensors"}}`, "9.safetensors: file does not exist"},
		{indexFile, `{"weight_map":{"d":"2.safetensors"}}`, "2.safetensors: tensor d: listed in"},
		{indexFile, `{"weight_map":{"a":"2.safetensors","c":"1.safetensors"}}`, "tensor a: in 1.safetensors, " + indexFile + " says 2.safetensors"},
		{"2.safetensors", string(file(map[string]made{"a": blank("F32", 3)})), "tensor a: in 1.safetensors and in 2.safetensors"},
		{"2.safetensors", "short", "2.safetensors: 5 bytes"},
	} {
		changed := maps.Clone(files)
		changed[change.name] = []byte(change.content)
		if _, err := Open(Memory("test", changed)); err == nil || !strings.HasPrefix(err.Error(), "weights: ") || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: %v, want %q", change.name, err, change.want)
		}
	}
	if _, err := Open(Memory("test", nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of nothing = %v, want fs.ErrNotExist", err)
	}
}

func TestDirReadsFilesOnce(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	data := sample()
	for name, content := range map[string][]byte{singleFile: data, "config.json": []byte("{}"), "empty": nil} {
		if err := os.WriteFile(filepath.Join(path, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, err := Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	if src.Name() != path {
		t.Errorf("Name = %s", src.Name())
	}
	first, err := src.File(singleFile)
	if err != nil || !bytes.Equal(first, data) {
		t.Fatalf("File: %d bytes, %v", len(first), err)
	}
	if again, err := src.File(singleFile); err != nil || &again[0] != &first[0] {
		t.Errorf("the file was read twice (%v)", err)
	}
	if empty, err := src.File("empty"); err != nil || len(empty) != 0 {
		t.Errorf("empty file: %v, %v", empty, err)
	}
	if _, err := src.File("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("File(none) = %v, want fs.ErrNotExist", err)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", `a\b`, "/etc/passwd"} {
		if _, err := src.File(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("File(%q) = %v, want a refusal", name, err)
		}
	}
	if c, err := Open(src); err != nil || len(c.Names()) != 6 {
		t.Errorf("Open: %v", err)
	}
	for range 2 {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := src.File(singleFile); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("File after Close = %v, want fs.ErrClosed", err)
	}
	for _, bad := range []string{filepath.Join(path, "none"), filepath.Join(path, "config.json")} {
		if _, err := Dir(bad); err == nil {
			t.Errorf("Dir(%s) = nil", bad)
		}
	}
	if err := os.Mkdir(filepath.Join(path, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	again, err := Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.File("folder"); err == nil {
		t.Error("a folder is a file")
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzOpen: any file is an error or a table of contents within the file.
func FuzzOpen(f *testing.F) {
	f.Add(sample(), []byte(nil))
	f.Add([]byte(nil), []byte(`{"weight_map":{"a":"model.safetensors","b":"x"}}`))
	f.Add(join(`{"a":{"dtype":"F4","shape":[2,2],"data_offsets":[0,2]}}`, []byte{1, 2}), []byte(nil))
	f.Fuzz(func(t *testing.T, data, index []byte) {
		files := map[string][]byte{singleFile: data}
		if index != nil {
			files = map[string][]byte{"x": data, "y": data, indexFile: index}
		}
		c, err := Open(Memory("fuzz", files))
		if err != nil {
			return
		}
		if c.Bytes() > int64(2*len(data)) {
			t.Errorf("%d bytes of tensors in a file of %d", c.Bytes(), len(data))
		}
		l := NewLoader(c, nil)
		for _, name := range c.Names() {
			e, _ := c.Entry(name)
			l.Matrix(name, e.Shape...)
			l.Floats(name, e.Shape...)
		}
		if err := l.Err(); err != nil && err.Error() == "" {
			t.Error("an error without text")
		}
	})
}

// BenchmarkOpen reads the header of a checkpoint with as many tensors as a
// quantized 26B has.
func BenchmarkOpen(b *testing.B) {
	tensors := map[string]made{}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 3000 {
		tensors[fmt.Sprintf("language_model.model.layers.%d.self_attn.q_proj.%d.weight", i%60, i)] = blank("BF16", 1+r.IntN(3), 2)
	}
	data := file(tensors)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
