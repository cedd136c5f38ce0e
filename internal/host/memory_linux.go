package host

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
)

func memory() (total, available int64, err error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0, fmt.Errorf("host: %w: %w", ErrUnknown, err)
	}
	total, available, ok := parseMeminfo(data)
	if !ok {
		return 0, 0, fmt.Errorf("host: /proc/meminfo: %w", ErrUnknown)
	}
	groups, _ := os.ReadFile("/proc/self/cgroup") // without groups there is no limit
	total, available = withinGroup(total, available, parseGroup(groups), func(file string) string {
		data, _ := os.ReadFile("/sys/fs/cgroup" + file) // as above
		return string(bytes.TrimSpace(data))
	})
	return total, available, nil
}

// parseMeminfo reads two lines of /proc/meminfo, which counts in KiB.
func parseMeminfo(data []byte) (total, available int64, ok bool) {
	found := 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, err := strconv.ParseInt(fields[1], 10, 53)
		if err != nil || n < 0 {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			total, found = n<<10, found|1
		case "MemAvailable:":
			available, found = n<<10, found|2
		}
	}
	return total, available, found == 3
}

// parseGroup returns the folder of the process in the unified hierarchy of
// control groups, "/" if it is in none.
func parseGroup(data []byte) string {
	for line := range strings.Lines(string(data)) {
		if folder, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/"); ok {
			return path.Clean("/" + folder)
		}
	}
	return "/"
}

// withinGroup lowers the figures to what a control group and those above it
// allow. read returns a file's content, "" where there is none.
func withinGroup(total, available int64, folder string, read func(file string) string) (int64, int64) {
	for {
		limit, err := strconv.ParseInt(read(path.Join(folder, "memory.max")), 10, 64)
		if err == nil && limit >= 0 {
			total = min(total, limit)
			used, err := strconv.ParseInt(read(path.Join(folder, "memory.current")), 10, 64)
			if err == nil {
				available = min(available, max(0, limit-used+reclaimable(read(path.Join(folder, "memory.stat")))))
			}
		}
		if folder == "/" {
			return total, min(available, total)
		}
		folder = path.Dir(folder)
	}
}

// reclaimable returns the pages of files that a group holds and would drop.
func reclaimable(stat string) int64 {
	for line := range strings.Lines(stat) {
		if value, ok := strings.CutPrefix(line, "inactive_file "); ok {
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}
