package gemma4

import (
	"encoding/binary"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"strings"
	"testing"

	"hark/engine/inspect"
	"hark/engine/weights"
)

var update = flag.Bool("update", false, "write the tables of docs/models.md anew")

const page = "../../../docs/models.md"

// TestModelsPage keeps the tables of docs/models.md as the loader and the
// configurations make them. With -update it writes them.
func TestModelsPage(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	old := string(data)
	text := old
	for name, table := range map[string]string{
		"shapes": shapesTable(t), "memory": memoryTable(t), "work": workTable(t), "refused": refusedTable(t),
	} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no place for the table %q", page, name)
		}
		text = before + begin + table + end + after
	}
	moe := models[3]
	parted := int64(moe.layers) * int64(moe.experts) * int64(2*moe.fe) * int64(moe.hidden) * 2
	if says := gib(parted) + " GiB of memory beside the file"; !strings.Contains(text, says) {
		t.Errorf("%s does not say %q of the experts of %s", page, says, moe.name)
	}
	if text == old {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the program says; to write it: go test ./engine/model/gemma4 -run TestModelsPage -update", page)
	}
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pageTable joins rows of cells, the first one being the head.
func pageTable(rows [][]string) string {
	var b strings.Builder
	for i, r := range rows {
		b.WriteString("| " + strings.Join(r, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(r)) + "\n")
		}
	}
	return b.String()
}

// stored are the layouts of the page.
var stored = []struct {
	name string
	bits int
}{{"bf16", 0}, {"8-bit", 8}, {"4-bit", 4}}

// in reports on a model in a layout: as on the hub, or quantized by mlx-vlm in
// groups of 64.
func (p *published) in(t testing.TB, bits int) *inspect.Report {
	t.Helper()
	key := fmt.Sprint(p.name, bits)
	if r := reports[key]; r != nil {
		return r
	}
	ts, quantization := p.hub(), any(nil)
	if bits > 0 {
		q := map[string]any{"group_size": 64, "bits": bits}
		for i := range p.layers {
			q[fmt.Sprintf("language_model.model.layers.%d.router.proj", i)] = map[string]int{"group_size": 64, "bits": 8}
		}
		ts, quantization = ts.mlx().quantized(bits, 64), q
	}
	r := p.look(t, ts, quantization)
	if len(r.Problems) > 0 {
		t.Fatal(strings.Join(r.Problems, "\n"))
	}
	reports[key] = r
	return r
}

// reports are those made already, by model and bits.
var reports = map[string]*inspect.Report{}

// billion writes thousands of millions.
func billion(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e9) }

// gib writes three digits of the size in GiB.
func gib(n int64) string {
	switch v := float64(n) / (1 << 30); {
	case v < 0.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}

func shapesTable(t *testing.T) string {
	rows := [][]string{{"model", "parameters, 10⁹", "of them for a token", "layers", "attention (key heads × head size)", "context", "hears", "sees"}}
	for _, p := range models {
		r := p.in(t, 0)
		var kinds []string
		for _, k := range r.Kinds {
			window := ""
			if k.Window > 0 {
				window = fmt.Sprintf(", %d positions", k.Window)
			}
			kinds = append(kinds, fmt.Sprintf("%d %s: %d × %d%s", k.Layers, k.Name, k.KVHeads, k.Dim, window))
		}
		hears := "no"
		if r.Hears != nil {
			hears = fmt.Sprintf("%v tokens a second", r.Hears.TokensASecond)
		}
		rows = append(rows, []string{p.name, billion(r.Parameters), billion(r.Decode.Parameters), fmt.Sprint(r.Layers),
			strings.Join(kinds, "; "), fmt.Sprint(r.Context), hears, fmt.Sprintf("up to %d tokens a picture", r.Sees.Tokens)})
	}
	return pageTable(rows)
}

func memoryTable(t *testing.T) string {
	rows := [][]string{{"model", "stored as", "weights", "8192 tokens", "32768 tokens", "together, 8192", "together, 32768"}}
	for _, p := range models {
		for _, s := range stored {
			r := p.in(t, s.bits)
			at := map[int]int64{}
			for _, m := range r.Memory {
				at[m.Positions] = m.Bytes
			}
			rows = append(rows, []string{p.name, s.name, gib(r.Bytes), gib(at[8192]), gib(at[32768]), gib(r.Bytes + at[8192]), gib(r.Bytes + at[32768])})
		}
	}
	return pageTable(rows)
}

func workTable(t *testing.T) string {
	rows := [][]string{{"model", "stored as", "read for each token of the answer", "live speech, 1 token a step", "4 tokens", "16 tokens", "products a second of speech, 10⁹: decoder", "tower"}}
	for _, p := range models {
		for _, s := range stored {
			r := p.in(t, s.bits)
			row := []string{p.name, s.name, gib(r.Decode.Bytes), "–", "–", "–", "–", "–"}
			if r.Speech != nil {
				for i, pace := range r.Speech.Paces {
					row[3+i] = gib(pace.BytesPerSecond)
				}
				row[6], row[7] = billion(r.Speech.Products), billion(r.Speech.TowerProducts)
			}
			rows = append(rows, row)
		}
	}
	return pageTable(rows)
}

// refusal is a checkpoint that hark does not run.
type refusal struct {
	kind, because string
	model         string
	edits         map[string]any
	tensors       func(ts tensors) tensors
	says          string // what the error must say
}

var refusals = []refusal{
	{"draft models: `gemma4_assistant`, `gemma4_unified_assistant`", "they guess along with another model and read its cache; alone they say nothing",
		"E2B", map[string]any{"model_type": "gemma4_assistant"}, nil, `model_type "gemma4_assistant" is not known`},
	{"other families", "hark runs Gemma 4, and the text models of Gemma 3", "E2B", map[string]any{"model_type": "llama"}, nil, `model_type "llama" is not known`},
	{"embedding models", "their text sees what comes after it, so there is no next token", "E2B",
		map[string]any{"text_config.use_bidirectional_attention": "all"}, nil, `use_bidirectional_attention "all" is for embedding models`},
	{"an output head of its own", "every release has the token table as its head; another one is of a model that was changed", "31B",
		map[string]any{"text_config.tie_word_embeddings": false}, nil, "tie_word_embeddings is false"},
	{"biases in attention, other activations, other rotary embeddings", "no release has them, and leaving them out would quietly compute something else", "31B",
		map[string]any{"text_config.attention_bias": true, "text_config.rope_parameters.full_attention.rope_type": "yarn"}, nil, "attention_bias is true"},
	{"GPTQ, AWQ, bitsandbytes, compressed-tensors", "their packing is not MLX's", "12B", map[string]any{"quantization_config": map[string]any{"quant_method": "gptq", "bits": 4}}, nil, `quant_method "gptq", want a file of MLX`},
	{"GGUF files", "only safetensors is read", "E4B", nil, func(tensors) tensors { return nil }, "neither model.safetensors nor model.safetensors.index.json"},
	{"“26B-Standard”: 4 bits in groups of 32, no biases, scales that are whole numbers near 120", "the scales are the exponent bytes of MXFP4 written as numbers; read as scales they give noise", "26B-A4B",
		map[string]any{"quantization": map[string]any{"group_size": 32, "bits": 4}}, standard, "these are the exponents of mxfp4"},
	{"8-bit tensors in a file that says 4 bits", "the codes would be cut in the wrong places", "E2B",
		map[string]any{"quantization": map[string]any{"group_size": 64, "bits": 4}}, func(ts tensors) tensors { return ts.mlx().quantized(8, 64) }, "config says affine, 4 bits, group 64"},
	{"matrices with a second scale (ModelOpt's NVFP4)", "leaving it out would change every value", "31B",
		map[string]any{"quantization": map[string]any{"mode": "nvfp4", "group_size": 16, "bits": 4}}, secondScale, "self_attn.q_proj.weight_scale_2: F32 [], not called for"},
	{"tensors missing, misshapen, or left over", "a model that is loaded in part computes something else", "12B", nil,
		func(ts tensors) tensors {
			ts = maps.Clone(ts)
			delete(ts, "model.language_model.layers.0.self_attn.q_proj.weight")
			return ts
		}, "1 missing, 0 misshapen, 0 unused, 0 contradictory"},
}

// standard makes the conversion that is known by that name.
func standard(ts tensors) tensors {
	ts = ts.mlx().quantized(4, 32)
	for name, e := range ts {
		if strings.HasSuffix(name, ".biases") {
			delete(ts, name)
		}
		if !strings.HasSuffix(name, ".scales") {
			continue
		}
		for range 64 {
			e.Data = binary.LittleEndian.AppendUint16(e.Data, uint16(math.Float32bits(119)>>16))
		}
		ts[name] = e
	}
	return ts
}

// secondScale adds a scale for a whole matrix.
func secondScale(ts tensors) tensors {
	ts = ts.mlx()
	for name, e := range ts.quantized(4, 32) {
		if base, ok := strings.CutSuffix(name, ".scales"); ok && strings.HasPrefix(name, "language_model.") {
			codes := ts[base+".weight"].Shape
			in := len(codes) - 1
			words, groups := append([]int(nil), codes...), append([]int(nil), codes...)
			words[in], groups[in] = codes[in]/8, codes[in]/16
			ts[base+".weight"] = weights.Entry{DType: "U32", Shape: words, File: e.File}
			ts[name] = weights.Entry{DType: "U8", Shape: groups, File: e.File}
		}
	}
	ts["language_model.model.layers.0.self_attn.q_proj.weight_scale_2"] = weights.Entry{DType: "F32", File: "model.safetensors"}
	return ts
}

// refusedTable checks that each is refused as the table says.
func refusedTable(t *testing.T) string {
	rows := [][]string{{"checkpoint", "hark says", "because"}}
	for _, r := range refusals {
		i := 0
		for models[i].name != r.model {
			i++
		}
		p := models[i]
		ts := p.hub()
		if r.tensors != nil {
			ts = r.tensors(ts)
		}
		if all := strings.Join(p.edit(t, ts, r.edits).Problems, "\n"); !strings.Contains(all, r.says) {
			t.Errorf("%s: nothing says %q:\n%.2000s", r.kind, r.says, all)
		}
		rows = append(rows, []string{r.kind, "`" + r.says + "`", r.because})
	}
	return pageTable(rows)
}
