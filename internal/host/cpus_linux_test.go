package host

import "testing"

func TestCPUQuotaIsTheLeastOfAllGroups(t *testing.T) {
	files := map[string]string{
		"/sys/fs/cgroup/cpu.max":                           "max 100000",
		"/sys/fs/cgroup/a/cpu.max":                         "150000 100000",
		"/sys/fs/cgroup/a/b/cpu.max":                       "400000 100000",
		"/sys/fs/cgroup/c/cpu.max":                         "max 100000",
		"/sys/fs/cgroup/broken/cpu.max":                    "5",
		"/sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_quota_us":    "50000",
		"/sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_period_us":   "100000",
		"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us":      "-1",
		"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us":     "100000",
		"/sys/fs/cgroup/cpu/cpu.cfs_quota_us":              "300000",
		"/sys/fs/cgroup/cpu/cpu.cfs_period_us":             "100000",
		"/sys/fs/cgroup/cpuset/e/cpu.cfs_quota_us":         "1",
		"/sys/fs/cgroup/cpuset/e/cpu.cfs_period_us":        "100000",
		"/sys/fs/cgroup/cpu,cpuacct/zero/cpu.cfs_quota_us": "0",
	}
	for _, c := range []struct {
		groups string
		want   float64
	}{
		{"0::/a/b\n", 1.5},
		{"0::/c\n", 0},
		{"0::/\n", 0},
		{"0::/broken\n", 0},
		{"", 0},
		{"nonsense\n::\n", 0},
		{"5:cpu,cpuacct:/d\n0::/\n", 0.5},
		{"5:cpuacct,cpu:/docker/0123\n", 3}, // a folder of the host's: the top is the container's
		{"5:cpu:/x\n", 3},
		{"7:cpuset:/e\n", 0},
		{"5:cpu,cpuacct:/d\n0::/a\n", 0.5},
	} {
		if got := cpuQuota([]byte(c.groups), func(file string) string { return files[file] }); got != c.want {
			t.Errorf("in %q: %v processors, want %v", c.groups, got, c.want)
		}
	}
	if n, err := CPUs(); err == nil && n <= 0 {
		t.Errorf("%v processors", n)
	}
}
