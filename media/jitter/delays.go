package jitter

import "time"

// delays learns how late packets are: how much longer they took than the
// fastest of the last seconds. The clocks of sender and receiver drift apart,
// so the fastest is forgotten after a while.
type delays struct {
	base time.Duration // arrival less position, of the fastest packet
	late time.Duration // what nearly all packets stay below

	count   int
	current time.Duration // the fastest of this stretch
	before  time.Duration // and of the one before
	in      int           // packets of this stretch
	share   [buckets]float64
}

const (
	bucket  = 5 * time.Millisecond
	buckets = int(MaxWait/bucket) + 1
	stretch = 250 // packets, 5 s
	nearly  = 0.99
	// forget is the weight of the newest packet: one of two hundred counts.
	forget = 0.005
	// firstLate holds until enough packets have come.
	firstLate = 60 * time.Millisecond
	enough    = 50
	// spare is waited beyond that, less of it on a calm network: one packet
	// in a hundred is later, often because two overtook it, and what is
	// concealed although it comes is lost for nothing.
	spare = 40 * time.Millisecond
)

func newDelays() delays { return delays{late: firstLate} }

// wait returns how long after its time a missing packet is waited for.
func (d *delays) wait() time.Duration { return min(d.late+min(spare, d.late-MinWait), MaxWait) }

// add takes how long a packet took, on whatever scale.
func (d *delays) add(transit time.Duration) {
	if d.count == 0 {
		d.base, d.current, d.before = transit, transit, transit
	}
	if transit-d.base > MaxWait {
		// Either the network stalled, and the next packets are faster, or the
		// sender did, and will be late for good.
		d.base, d.current, d.before = transit, transit, transit
	}
	d.count++
	d.current = min(d.current, transit)
	d.base = min(d.before, d.current)
	if d.in++; d.in == stretch {
		d.before, d.current, d.in = d.current, transit, 0
	}
	weight := max(forget, 1/float64(d.count))
	for i := range d.share {
		d.share[i] *= 1 - weight
	}
	d.share[min(int((transit-d.base)/bucket), buckets-1)] += weight
	if d.count < enough {
		return
	}
	sum := 0.0
	for i, s := range d.share {
		if sum += s; sum >= nearly {
			d.late = min(max(time.Duration(i+1)*bucket, MinWait), MaxWait)
			return
		}
	}
	d.late = MaxWait
}
