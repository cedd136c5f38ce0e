package main

import (
	"os"
	"path/filepath"
	"testing"

	"hark/server/keys"
)

func TestKeysAreMadeAndRevoked(t *testing.T) {
	file := keysFile{filepath.Join(t.TempDir(), "hark", "keys.json")}
	for _, name := range []string{"kiosk", "phone"} {
		if err := (&keysAdd{keysFile: file, Name: name, Requests: 60, Sessions: 2}).Run(); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&keysList{file}).Run(); err != nil {
		t.Error(err)
	}
	list, err := keys.Read(file.Keys)
	if err != nil || len(list) != 2 || list[0].Name != "kiosk" || list[1].RequestsPerMinute != 60 || list[1].Sessions != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := (&keysRevoke{file, list[0].ID}).Run(); err != nil {
		t.Error(err)
	}
	if err := (&keysRevoke{file, list[0].ID}).Run(); err == nil {
		t.Error("revoked twice")
	}
	if err := (&keysAdd{keysFile: file, Name: "x", Requests: -1}).Run(); err == nil {
		t.Error("a limit below 0: no error")
	}
	if list, err = keys.Read(file.Keys); err != nil || len(list) != 1 || list[0].Name != "phone" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestStrangersNeedTheUsualKeys(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	flags := func(addr string) *accessFlags {
		return &accessFlags{Addr: addr, Sessions: 1, Requests: 1, Queue: 1, FFmpeg: "none"}
	}
	if o, _, err := flags("0.0.0.0:1").options(); err != nil || o.KeyFile != "" {
		t.Errorf("without keys: %q, %v", o.KeyFile, err)
	}
	if err := (&keysAdd{Name: "x"}).Run(); err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{"0.0.0.0:1": true, ":8080": true, "kiosk.local:1": true, "127.0.0.1:1": false, "localhost:1": false} {
		if o, _, err := flags(addr).options(); err != nil || (o.KeyFile != "") != want {
			t.Errorf("%s: file %q, %v", addr, o.KeyFile, err)
		}
	}
	f := flags(":1")
	f.Key = []string{"k"}
	if o, _, err := f.options(); err != nil || o.KeyFile != "" {
		t.Errorf("with a key: %q, %v", o.KeyFile, err)
	}
}

func TestCertificateFlags(t *testing.T) {
	dir := t.TempDir()
	flags := func(change func(*accessFlags)) *accessFlags {
		f := &accessFlags{Addr: "127.0.0.1:0", Sessions: 1, Requests: 1, Queue: 1, FFmpeg: "none", TLSDir: filepath.Join(dir, "tls")}
		change(f)
		return f
	}
	_, cert, err := flags(func(f *accessFlags) { f.TLS, f.TLSHost = "self-signed", []string{"kiosk.example"} }).options()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cert.File()); err != nil {
		t.Error(err)
	}
	key := filepath.Join(dir, "tls", "key.pem")
	if _, own, err := flags(func(f *accessFlags) { f.TLSCert, f.TLSKey = cert.File(), key }).options(); err != nil || own.Fingerprint() != cert.Fingerprint() {
		t.Errorf("from files: %v", err)
	}
	for i, change := range []func(*accessFlags){
		func(f *accessFlags) { f.TLSCert = cert.File() },
		func(f *accessFlags) { f.TLSCert, f.TLSKey, f.TLS = cert.File(), key, "self-signed" },
		func(f *accessFlags) { f.TLSCert, f.TLSKey = "none", "none" },
		func(f *accessFlags) { f.FFmpeg = "no-such-program" },
		func(f *accessFlags) { f.Queue = 0 },
	} {
		if _, _, err := flags(change).options(); err == nil {
			t.Errorf("case %d: no error", i)
		}
	}
}
