package engine

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
)

// positions is a cache of which only the length is known.
type positions struct {
	tensor.KV
	n int
}

func (p positions) Len() int { return p.n }

// FuzzReadSaved reads heads of saved prefixes: whatever comes, it returns, and
// what it takes for good is what would be written for it.
func FuzzReadSaved(f *testing.F) {
	key := contentKey{1, 2, 3}
	good := &parked{kv: positions{n: 12}}
	for i := range 5 {
		good.slots, good.starts = append(good.slots, slot{id: token.ID(7 * i)}), append(good.starts, i)
	}
	good.slots = append(good.slots, slot{medium: &past{content: contentKey{9}}}, slot{id: 3})
	good.starts = append(good.starts, 5, 11)
	head, _ := appendSaved(nil, key, good)
	f.Add(head)
	f.Add(head[:len(head)-5])
	f.Add([]byte{})
	broken := bytes.Clone(head)
	broken[len(savedMagic)+32] = 255 // slots
	f.Add(broken)
	f.Fuzz(func(t *testing.T, data []byte) {
		slots, starts, length, err := readSaved(bytes.NewReader(data), key)
		if err != nil {
			return
		}
		again, ok := appendSaved(nil, key, &parked{kv: positions{n: length}, slots: slots, starts: starts})
		if !ok || len(data) < len(again) || !bytes.Equal(data[:len(again)], again) {
			t.Errorf("%d slots of %d bytes are written as %d others", len(slots), len(data), len(again))
		}
	})
}

func TestSavedHeadIsReadAsItWasWritten(t *testing.T) {
	key := contentKey{4}
	p := &parked{
		kv:     positions{n: 30},
		slots:  []slot{{id: 5}, {medium: &past{content: contentKey{6}}}, {id: 7}, {medium: &past{content: contentKey{8}}}},
		starts: []int{0, 1, 10, 11},
	}
	head, ok := appendSaved(nil, key, p)
	if !ok {
		t.Fatal("not saved")
	}
	slots, starts, length, err := readSaved(bytes.NewReader(append(head, "what follows"...)), key)
	if err != nil || length != 30 || !slices.Equal(starts, p.starts) || common(slots, p.slots) != 4 {
		t.Errorf("%d positions, starts %v, %d slots alike, %v", length, starts, common(slots, p.slots), err)
	}
	if _, _, _, err := readSaved(bytes.NewReader(head), contentKey{5}); err == nil {
		t.Error("read with another key")
	}
	for n := range head {
		if _, _, _, err := readSaved(bytes.NewReader(head[:n]), key); err == nil {
			t.Errorf("read %d bytes of %d", n, len(head))
		}
	}
	p.slots[1].medium = &Clip{} // still growing
	if _, ok := appendSaved(nil, key, p); ok {
		t.Error("saved what is not known")
	}
}

// TestFingerprintTellsModelsApart changes one thing at a time.
func TestFingerprintTellsModelsApart(t *testing.T) {
	const dir = "../testdata/tiny/e/hf-bf16/"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	print := func(change func(map[string][]byte)) string {
		files := map[string][]byte{}
		for _, entry := range entries {
			if files[entry.Name()], err = os.ReadFile(dir + entry.Name()); err != nil {
				t.Fatal(err)
			}
		}
		change(files)
		s, err := fingerprint(weights.Memory("test", files))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	same := func(map[string][]byte) {}
	seen := map[string]bool{print(same): true}
	for name, change := range map[string]func(map[string][]byte){
		"the configuration": func(f map[string][]byte) { f["config.json"] = append(f["config.json"], ' ') },
		"the tokenizer":     func(f map[string][]byte) { f["tokenizer.json"] = append(f["tokenizer.json"], ' ') },
		"a value":           func(f map[string][]byte) { b := f["model.safetensors"]; b[len(b)-1] ^= 1 },
		"a name":            func(f map[string][]byte) { b := f["model.safetensors"]; b[bytes.Index(b, []byte("embed"))] = 'E' },
	} {
		if s := print(change); seen[s] {
			t.Errorf("%s makes no difference", name)
		} else {
			seen[s] = true
		}
	}
	if !seen[print(same)] {
		t.Error("the same files have another fingerprint the second time")
	}
}
