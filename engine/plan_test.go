package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
	"hark/vision"
)

// watched is a model that tells what it is given to do.
type watched struct {
	model.Model
	forward func([]model.Row)
	hear    func([]model.Piece)
	see     func()
}

// drawn is a picture that tells of each piece of work.
type drawn struct {
	model.PictureEncoder
	see func()
}

func (d drawn) Step() tensor.Tensor {
	d.see()
	return d.PictureEncoder.Step()
}

func (w *watched) NewPicture(p vision.Patches) model.PictureEncoder {
	return drawn{w.Model.NewPicture(p), w.see}
}

func (w *watched) Forward(rows []model.Row) tensor.Tensor {
	if w.forward != nil {
		w.forward(rows)
	}
	return w.Model.Forward(rows)
}

func (w *watched) Hear(pieces []model.Piece) []tensor.Tensor {
	if w.hear != nil {
		w.hear(pieces)
	}
	return w.Model.Hear(pieces)
}

// watch runs a test in a bubble with an engine whose model is watched.
func watch(t *testing.T, o engine.Options, test func(t *testing.T, e *engine.Engine, w *watched)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		src, err := weights.Dir(tiny + "e/hf-bf16")
		if err != nil {
			t.Fatal(err)
		}
		b := cpu.New(&cpu.Options{Threads: 1})
		m, err := model.Open(src, b)
		if err != nil {
			t.Fatal(err)
		}
		w := &watched{Model: m}
		e, err := engine.Load(w, b, &o)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		test(t, e, w)
	})
}

// same is a prompt of n times one id.
func same(id token.ID, n int) engine.Tokens {
	ids := make(engine.Tokens, n)
	for i := range ids {
		ids[i] = id
	}
	return ids
}

// reader reads an answer in the background.
func reader(t *testing.T, s *engine.Sequence, n int) (done chan int) {
	done = make(chan int, 1)
	go func() {
		count := 0
		for _, err := range s.Generate(t.Context(), engine.Generate{Max: n}) {
			if err != nil {
				t.Error(err)
				break
			}
			count++
		}
		done <- count
	}()
	return done
}

// TestStepsAreShared has somebody listen to an answer while a long prompt of
// another speaker, a batch job and a speculation come in: the answer goes on
// in every step, the prompt comes in bounded pieces, the job has a small
// share, and the speculation waits until there is room.
func TestStepsAreShared(t *testing.T) {
	const piece = 16
	watch(t, engine.Options{Piece: piece, PrefixBytes: -1}, func(t *testing.T, e *engine.Engine, w *watched) {
		names := map[token.ID]string{10: "answer", 20: "prompt", 30: "job", 40: "guess"}
		owner := map[tensor.KV]string{}
		var steps []map[string]int
		gate := make(chan bool)
		w.forward = func(rows []model.Row) {
			if gate != nil {
				<-gate
				gate = nil
			}
			step := map[string]int{}
			for _, r := range rows {
				if r.Pos == 0 {
					owner[r.KV] = names[r.IDs[0]]
				}
				step[owner[r.KV]] += len(r.IDs)
			}
			steps = append(steps, step)
		}
		var ends []chan int
		for _, p := range []struct {
			id    token.ID
			n     int
			class engine.Class
		}{{10, 4, engine.Speaking}, {20, 300, engine.Speaking}, {30, 200, engine.Batch}, {40, 30, engine.Speculative}} {
			s := sequence(t, e)
			defer s.Close()
			s.SetClass(p.class)
			set(t, s, same(p.id, p.n))
			ends = append(ends, reader(t, s, 60))
			if p.id == 10 {
				synctest.Wait() // the first step waits at the gate
			}
		}
		synctest.Wait()
		gate <- true
		for i, end := range ends {
			if n := <-end; n == 0 {
				t.Errorf("answer %d has no token", i)
			}
		}
		read := map[string]int{}
		for i, step := range steps[1:] {
			busy := read["prompt"] < 300-piece
			if busy && step["answer"] != 1 {
				t.Errorf("step %d leaves the answer out: %v", i, step)
			}
			if n := step["prompt"] + step["job"] + step["guess"]; busy && n > piece {
				t.Errorf("step %d reads in %d positions, want at most %d", i, n, piece)
			}
			if busy && (step["job"] < piece/8 || step["job"] > piece/2) {
				t.Errorf("step %d gives the job %d positions beside a speaker", i, step["job"])
			}
			if busy && step["guess"] > 0 {
				t.Errorf("step %d reads for a speculation while a speaker waits: %v", i, step)
			}
			for name, n := range step {
				read[name] += n
			}
		}
	})
}

// TestPiecesShrinkToTheStepTime has each position take a millisecond: beside
// an answer, steps soon stay within their time, and without one they do not
// have to.
func TestPiecesShrinkToTheStepTime(t *testing.T) {
	watch(t, engine.Options{Piece: 128, StepTime: 30 * time.Millisecond, PrefixBytes: -1}, func(t *testing.T, e *engine.Engine, w *watched) {
		var took []int // positions, so milliseconds
		w.forward = func(rows []model.Row) {
			n := 0
			for _, r := range rows {
				n += len(r.IDs)
			}
			took = append(took, n)
			<-time.After(time.Duration(n) * time.Millisecond)
		}
		answer, other := sequence(t, e), sequence(t, e)
		defer answer.Close()
		defer other.Close()
		set(t, answer, same(10, 4))
		end := reader(t, answer, 200)
		set(t, other, same(20, 1500))
		<-end
		took = took[:len(took):len(took)]
		for i, n := range took {
			if i > 4 && n > 33 {
				t.Errorf("step %d takes %d ms beside an answer, want 30", i, n)
			}
		}
		if took[20] < 20 {
			t.Errorf("a step takes %d ms, want them filled", took[20])
		}
		took = nil
		third := sequence(t, e)
		defer third.Close()
		set(t, third, same(30, 600))
		synctest.Wait()
		<-time.After(time.Minute)
		if took[0] != 128 {
			t.Errorf("a step of %d positions while nobody listens, want 128", took[0])
		}
		st := e.Stats()
		if most, half := st.StepTime.Quantile(1), st.StepTime.Quantile(0.5); most < 128*time.Millisecond || most > 130*time.Millisecond || half < 700*time.Microsecond || half > time.Millisecond*3/2 {
			t.Errorf("half of the steps take up to %v, all up to %v, want about 1 ms and 128 ms", half, most)
		}
	})
}

// TestSoundThatWaitsCoalesces keeps the tower from working while speech comes
// in: it then takes all that waits at once, that of all speakers together, in
// pieces of bounded size.
func TestSoundThatWaitsCoalesces(t *testing.T) {
	watch(t, engine.Options{Piece: 60}, func(t *testing.T, e *engine.Engine, w *watched) {
		gate := make(chan bool)
		var rows, clips []int
		w.hear = func(pieces []model.Piece) {
			<-gate
			n := 0
			for _, p := range pieces {
				n += p.Rows.Rows()
			}
			rows, clips = append(rows, n), append(clips, len(pieces))
		}
		var spoken []*engine.Clip
		for range 3 {
			c, err := e.NewClip()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			spoken = append(spoken, c)
		}
		push := func(c *engine.Clip, n int) {
			if err := c.Push(make([]float32, n)); err != nil {
				t.Fatal(err)
			}
		}
		push(spoken[0], 321)
		synctest.Wait() // the tower works on two rows
		for range 50 {
			for _, c := range spoken {
				push(c, 320)
			}
		}
		<-time.After(70 * time.Millisecond)
		close(gate)
		synctest.Wait()
		if rows[0] != 2 || clips[0] != 1 {
			t.Errorf("first %d rows of %d clips, want 2 of 1", rows[0], clips[0])
		}
		total := 0
		for i, n := range rows {
			if total += n; n > 60*4 {
				t.Errorf("piece %d has %d rows, want at most 60 soft tokens", i, n)
			}
		}
		if want := 2 + 100 + 99 + 99; total != want || len(rows) != 3 || clips[1] < 2 {
			t.Errorf("%v rows of %v clips at a time, want %d in 3 pieces", rows, clips, want)
		}
		if st := e.Stats(); st.Backlog != 0 {
			t.Errorf("sound waits for %v in the end", st.Backlog)
		}
	})
}

// TestPicturesLeaveRoomForAnswers has each layer of the tower take a while:
// the answer of somebody else goes on between them.
func TestPicturesLeaveRoomForAnswers(t *testing.T) {
	watch(t, engine.Options{}, func(t *testing.T, e *engine.Engine, w *watched) {
		steps, since := 0, []int{}
		w.forward = func([]model.Row) {
			steps++
			<-time.After(5 * time.Millisecond)
		}
		w.see = func() {
			since = append(since, steps)
			steps = 0
			<-time.After(40 * time.Millisecond)
		}
		s := sequence(t, e)
		defer s.Close()
		set(t, s, same(10, 4))
		end := reader(t, s, 60)
		var pictures []*engine.Picture
		for range 3 {
			p, err := e.NewPicture(&vision.Image{Width: 96, Height: 96, Pix: make([]byte, 96*96*3)}, 0)
			if err != nil {
				t.Fatal(err)
			}
			pictures = append(pictures, p)
		}
		pictures[1].Close()
		other := sequence(t, e)
		defer other.Close()
		set(t, other, same(20, 4), pictures[0], pictures[2], same(21, 2))
		if n := <-reader(t, other, 3); n != 3 {
			t.Errorf("%d tokens behind two pictures, want 3", n)
		}
		<-end
		if len(since) != 4 {
			t.Fatalf("the tower worked %d times on two pictures of two layers", len(since))
		}
		for i, n := range since[1:] {
			if n == 0 {
				t.Errorf("no answer went on before piece %d", i+1)
			}
		}
		for _, p := range pictures {
			p.Close()
		}
	})
}
