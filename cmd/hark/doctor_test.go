package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hark/engine/backend/cpu/isa"
	"hark/engine/backend/cpu/kernel"
)

func TestDoctorTellsOfWrongKernels(t *testing.T) {
	list := kernelFindings([]kernel.Result{
		{Kernel: "MatMul", Level: isa.Generic, Error: 1e-7, Bound: 1e-6},
		{Kernel: "Exp", Level: isa.Generic, Error: 2e-3, Bound: 1e-6},
		{Kernel: "Mix", Level: isa.Generic, Error: math.Inf(1), Bound: 1e-6},
	})
	if f := list[0]; f.Status != fail || !strings.Contains(f.Detail, "Exp is off by 0.002") || !strings.Contains(f.Detail, "Mix is off by +Inf") || strings.Contains(f.Detail, "MatMul") {
		t.Errorf("%+v", f)
	}
	for _, f := range list[1:] {
		if f.Status != pass {
			t.Errorf("%+v", f)
		}
	}
}

func TestDoctorWantsAFolderForModels(t *testing.T) {
	root := t.TempDir()
	t.Setenv("HF_HUB_CACHE", filepath.Join(root, "not", "there"))
	if f := cacheFinding(); f.Status != pass || !strings.Contains(f.Detail, "0 in it") || !strings.Contains(f.Detail, "free") {
		t.Errorf("%+v", f)
	}
	if err := os.MkdirAll(filepath.Join(root, "models--a--b", "snapshots", "abc"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HF_HUB_CACHE", root)
	if f := cacheFinding(); f.Status != pass || !strings.Contains(f.Detail, "1 in it") {
		t.Errorf("%+v", f)
	}
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HF_HUB_CACHE", file)
	if f := cacheFinding(); f.Status != fail {
		t.Errorf("%+v", f)
	}
}

func TestDoctorFindsLibraries(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"libportaudio.so.2", "libportaudio.2.dylib"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := library{name: "portaudio", files: []string{"libportaudio"}}
	if got := l.find([]string{t.TempDir(), dir}); filepath.Dir(got) != dir {
		t.Errorf("found %q, want a file in %s", got, dir)
	}
	if got := l.find([]string{t.TempDir()}); got != "" {
		t.Errorf("found %q where there is nothing", got)
	}
}

func TestDoctorAsksTheEmbeddedModel(t *testing.T) {
	f := modelFinding(t.Context())
	if f.Status != pass {
		t.Errorf("%+v", f)
	}
	d := diagnosis{Machine: thisMachine(), Findings: []finding{f}}
	d.Findings = append(d.Findings, d.Machine.findings()...)
	var out bytes.Buffer
	if err := d.write(&out, true); err != nil {
		t.Fatal(err)
	}
	var back diagnosis
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Machine.Cores < 1 || len(back.Findings) != 4 {
		t.Errorf("%v: %+v", err, back)
	}
}
