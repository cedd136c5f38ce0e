package host

import "testing"

func TestParseMeminfo(t *testing.T) {
	for _, c := range []struct {
		text             string
		total, available int64
		ok               bool
	}{
		{"MemTotal:  16 kB\nMemFree: 3 kB\nMemAvailable:   8 kB\n", 16 << 10, 8 << 10, true},
		{"MemAvailable: 8 kB\nMemTotal: 16 kB", 16 << 10, 8 << 10, true},
		{"MemTotal: 16 kB\n", 16 << 10, 0, false},
		{"MemTotal: many kB\nMemAvailable: 1 kB\n", 0, 1 << 10, false},
		{"", 0, 0, false},
	} {
		total, available, ok := parseMeminfo([]byte(c.text))
		if total != c.total || available != c.available || ok != c.ok {
			t.Errorf("%q: %d, %d, %v, want %d, %d, %v", c.text, total, available, ok, c.total, c.available, c.ok)
		}
	}
}

func TestGroupsLowerTheLimit(t *testing.T) {
	files := map[string]string{
		"/memory.max":         "max",
		"/a/memory.max":       "1000",
		"/a/memory.current":   "900",
		"/a/memory.stat":      "anon 1\ninactive_file 50\n",
		"/a/b/memory.max":     "800",
		"/a/b/memory.current": "100",
	}
	read := func(file string) string { return files[file] }
	for _, c := range []struct {
		folder           string
		total, available int64
	}{
		{"/", 2000, 1500},
		{"/a", 1000, 150},
		{"/a/b", 800, 150},
		{"/c", 2000, 1500},
	} {
		total, available := withinGroup(2000, 1500, c.folder, read)
		if total != c.total || available != c.available {
			t.Errorf("%s: %d, %d, want %d, %d", c.folder, total, available, c.total, c.available)
		}
	}
	for text, want := range map[string]string{"0::/a/b\n": "/a/b", "1:cpu:/x\n0::/y\n": "/y", "": "/", "0::/../..\n": "/"} {
		if got := parseGroup([]byte(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
