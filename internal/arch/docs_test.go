package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// read returns the text of a file, by its path from the root.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pages returns the Markdown files of the module, by their paths from the
// root.
func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("../..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() && name != "../.." && (skipped[base] || strings.HasPrefix(base, ".")) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(base, ".md") {
			rel, err := filepath.Rel("../..", name)
			if err != nil {
				return err
			}
			out = append(out, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// link is a Markdown link or the source of a picture.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(read(t, page), -1) {
			target, _, _ := strings.Cut(match[1]+match[2], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join("../..", filepath.Dir(page), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, target)
			}
		}
	}
}

// symbols are pictures in place of words.
var symbols = regexp.MustCompile(`[\x{1F000}-\x{1FAFF}\x{2600}-\x{27BF}]`)

func TestDocumentsKeepTheirForm(t *testing.T) {
	for _, page := range pages(t) {
		if found := symbols.FindString(read(t, page)); found != "" {
			t.Errorf("%s contains %q: write words", page, found)
		}
	}
	if lines := strings.Count(read(t, "README.md"), "\n"); lines > 150 {
		t.Errorf("README.md has %d lines, at most 150", lines)
	}
	if lines := strings.Count(read(t, "Makefile"), "\n"); lines > 50 {
		t.Errorf("Makefile has %d lines, at most 50", lines)
	}
	for _, section := range strings.Split(read(t, "CHANGELOG.md"), "\n") {
		if strings.HasPrefix(section, "## ") {
			if section != "## Unreleased" {
				t.Errorf("CHANGELOG.md begins with %q, want \"## Unreleased\"", section)
			}
			break
		}
	}
}
