package host

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

func cpus() (float64, error) {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0, fmt.Errorf("host: %w: %w", ErrUnknown, err)
	}
	quota := cpuQuota(groups, func(file string) string {
		data, _ := os.ReadFile(file) // a file that is not there is no bound
		return string(bytes.TrimSpace(data))
	})
	if quota == 0 {
		return 0, fmt.Errorf("host: bound of processors: %w", ErrUnknown)
	}
	return quota, nil
}

// cpuQuota returns the least bound of the control groups that the process is in
// and of those above them, 0 if there is none. groups is /proc/self/cgroup: the
// unified hierarchy has one line 0::FOLDER, of the older ones the one that bounds
// processors has a line N:cpu,cpuacct:FOLDER. Inside a container the folder may be
// one that only the host sees; then that at the top is the container's.
func cpuQuota(groups []byte, read func(file string) string) (least float64) {
	bound := func(quota, period string) {
		q, err := strconv.ParseFloat(quota, 64)
		p, also := strconv.ParseFloat(period, 64)
		if err == nil && also == nil && q > 0 && p > 0 && (least == 0 || q/p < least) {
			least = q / p
		}
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		unified := parts[0] == "0" && parts[1] == ""
		if !unified && !slices.Contains(strings.Split(parts[1], ","), "cpu") {
			continue
		}
		for folder := path.Clean("/" + parts[2]); ; folder = path.Dir(folder) {
			if unified {
				quota, period, _ := strings.Cut(read(path.Join("/sys/fs/cgroup", folder, "cpu.max")), " ")
				bound(quota, period)
			}
			for _, mount := range []string{parts[1], "cpu"} {
				if at := path.Join("/sys/fs/cgroup", mount, folder); !unified {
					bound(read(path.Join(at, "cpu.cfs_quota_us")), read(path.Join(at, "cpu.cfs_period_us")))
				}
			}
			if folder == "/" {
				break
			}
		}
	}
	return least
}
