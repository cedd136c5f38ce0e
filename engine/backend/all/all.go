// Package all lists the backends of this build. It is the one place where a
// build is composed of them.
//
// Start reading at Open.
package all

import (
	"fmt"
	"strings"

	"hark/engine/backend/cpu"
	"hark/engine/tensor"
)

// backends are tried in this order when none is named.
var backends = []struct {
	name string
	open func(threads int) (tensor.Backend, error)
}{
	{"cpu", func(threads int) (tensor.Backend, error) { return cpu.New(&cpu.Options{Threads: threads}), nil }},
}

// Names returns the names that Open knows, best first.
func Names() []string {
	var names []string
	for _, b := range backends {
		names = append(names, b.name)
	}
	return names
}

// Open starts the backend of that name, or the first that starts when name is
// "" or "auto". threads is the number of threads of a backend that computes on
// the processor; 0 means all.
func Open(name string, threads int) (tensor.Backend, error) {
	known := name == "" || name == "auto"
	var last error
	for _, b := range backends {
		if name != b.name && name != "" && name != "auto" {
			continue
		}
		known = true
		opened, err := b.open(threads)
		if err == nil {
			return opened, nil
		}
		last = fmt.Errorf("%s: %w", b.name, err)
	}
	if !known {
		return nil, fmt.Errorf("backend: %q, want auto or one of %s", name, strings.Join(Names(), ", "))
	}
	return nil, last
}
