package cpu

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// busyJob computes for about a microsecond an item.
type busyJob struct{ sums [64]float32 }

func (j *busyJob) run(worker, from, to int) {
	s := j.sums[worker]
	for range (to - from) * 1000 {
		s = s*0.5 + 1
	}
	j.sums[worker] = s
}

// BenchmarkAnswerBesideJobs measures how long a server of the same program takes
// to answer a byte, one each 5 ms, while the pool, one worker a processor, does one job after
// another, with processors of Go to spare or not.
func BenchmarkAnswerBesideJobs(b *testing.B) {
	for _, spare := range []int{0, 1, 2} {
		b.Run(fmt.Sprintf("spare=%d", spare), func(b *testing.B) {
			cores := runtime.NumCPU()
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores + spare))
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer listener.Close()
			var echoing, stepping sync.WaitGroup
			defer echoing.Wait()
			echoing.Go(func() {
				if conn, err := listener.Accept(); err == nil {
					io.Copy(conn, conn) // ends with the other side
					conn.Close()
				}
			})
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			p, stop, jobs := newPool(cores), make(chan struct{}), 0
			stepping.Go(func() {
				runtime.LockOSThread()
				for j := (&busyJob{}); ; jobs++ {
					select {
					case <-stop:
						return
					default:
						p.do(j, 300, 10)
					}
				}
			})
			var took []time.Duration
			word, since := []byte{1}, time.Now()
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for b.Loop() {
				<-tick.C
				start := time.Now()
				if _, err := conn.Write(word); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(conn, word); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			rate := float64(jobs) / time.Since(since).Seconds()
			close(stop)
			stepping.Wait()
			p.close()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(rate, "jobs/s")
		})
	}
}
