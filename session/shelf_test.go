package session

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hark/media"
	"hark/media/mediatest"
)

// visit is one connection of a client that comes and goes.
type visit struct {
	*player
	done chan error
}

// come connects to a session in the bubble.
func come(t *testing.T, fake *fakeEngine, o Options) *visit {
	v := &visit{player: &player{t: t, fake: fake, names: map[string]string{}, rate: 24000, events: make(chan []byte, 1000)}, done: make(chan error, 1)}
	var conn media.Conn
	conn, v.client = mediatest.Pipe()
	go func() {
		defer close(v.events)
		for {
			ev, err := v.client.Recv()
			if err != nil {
				return
			}
			v.events <- ev
		}
	}()
	o.Engine, o.NewDetector = fake, func() Detector { return &loudness{} }
	ctx, cancel := context.WithCancel(t.Context())
	v.shutDown = cancel
	go func() {
		defer cancel()
		v.done <- Run(ctx, conn, o)
	}()
	return v
}

// conversation returns the id that a response showed.
func conversationOf(events []string) string {
	for _, ev := range events {
		var e struct {
			Response struct {
				ID string `json:"conversation_id"`
			}
		}
		if json.Unmarshal([]byte(ev), &e) == nil && e.Response.ID != "" {
			return e.Response.ID
		}
	}
	return ""
}

const question = `> {"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"first?"}]}}
	> {"type":"response.create"}`

func TestLostConversationGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, shelf := newFake(), NewShelf(4, time.Minute)
		v := come(t, fake, Options{Shelf: shelf, Instructions: "Be kind."})
		v.lines(question)
		time.Sleep(time.Second)
		v.lines("~ speech 1s\n~ silence 1s")
		first := v.drain()
		id := conversationOf(first)
		v.client.Vanish()
		if err := <-v.done; err == nil {
			t.Error("a lost connection is no error")
		}
		if shelf.Len() != 1 {
			t.Fatalf("%d conversations are kept", shelf.Len())
		}
		time.Sleep(50 * time.Second)
		v = come(t, fake, Options{Shelf: shelf, Resume: id, Instructions: "Be cruel.", Model: "other"})
		again := v.drain()
		want := []string{"session.created", "conversation.item.added", "conversation.item.done", "conversation.item.added", "conversation.item.done",
			"conversation.item.added", "conversation.item.done", "conversation.item.added", "conversation.item.done"}
		if got := kinds(again); !slices.Equal(got, want) {
			t.Fatalf("events %v, want %v", got, want)
		}
		if !strings.Contains(again[0], "Be kind.") || !strings.Contains(again[0], `"id":"sess`+id[len("conv"):]+`"`) {
			t.Errorf("session %s, want that of %s", again[0], id)
		}
		v.lines(question)
		time.Sleep(time.Second)
		v.drain()
		v.line(`? <system Be kind. system> <user first? user> <assistant ok assistant> <user [sound 31] user> <assistant ok assistant> <user first? user> <assistant`)
		if shelf.Len() != 0 {
			t.Error("it is kept while it goes on")
		}
		v.client.Close()
		if err := <-v.done; err != nil {
			t.Error(err)
		}
		if shelf.Len() != 0 {
			t.Error("a conversation that the client left is kept")
		}
		shelf.Close()
		if fake.left() != 0 {
			t.Errorf("%d are left", fake.left())
		}
	})
}

func TestAnswerThatBrokeOffIsKeptAsFarAsItWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, shelf := newFake(), NewShelf(4, time.Minute)
		v := come(t, fake, Options{Shelf: shelf})
		v.lines("$ 10ms 1s \"One\" \" two\" \" three\" \" four\"\n" + question + "\n@ 5ms\n> {\"type\":\"response.create\",\"response\":{\"conversation\":\"none\"}}")
		time.Sleep(1500 * time.Millisecond)
		id := conversationOf(v.drain())
		v.client.Vanish()
		<-v.done
		v = come(t, fake, Options{Shelf: shelf, Resume: id})
		v.lines(`< session.created
			< conversation.item.added
			< conversation.item.done
			< conversation.item.added {"item":{"status":"incomplete","content":[{"type":"output_text","text":"One two"}]}}
			< conversation.item.done
			> {"type":"response.create"}`)
		v.until("response.done")
		v.line("? <user first? user> <assistant One  two assistant> <assistant")
		v.client.Close()
		<-v.done
		shelf.Close()
		if fake.left() != 0 {
			t.Errorf("%d are left", fake.left())
		}
	})
}

func TestConversationIsTakenOverFromADeadLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, shelf := newFake(), NewShelf(4, time.Minute)
		old := come(t, fake, Options{Shelf: shelf})
		old.lines(question)
		time.Sleep(time.Second)
		id := conversationOf(old.drain())
		v := come(t, fake, Options{Shelf: shelf, Resume: id})
		if got := kinds(v.drain()); len(got) != 5 {
			t.Errorf("events %v", got)
		}
		if err := <-old.done; !errors.Is(err, ErrResumed) {
			t.Errorf("the old session ended with %v", err)
		}
		old.line("! 4001")
		v.client.Close()
		<-v.done
		shelf.Close()
		if fake.left() != 0 {
			t.Errorf("%d are left", fake.left())
		}
	})
}

func TestConversationIsItsOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, shelf := newFake(), NewShelf(4, time.Minute)
		v := come(t, fake, Options{Shelf: shelf, Owner: "one"})
		v.lines(question)
		time.Sleep(time.Second)
		id := conversationOf(v.drain())
		foreign := func(when string) {
			t.Helper()
			for _, owner := range []string{"two", ""} {
				other := come(t, fake, Options{Shelf: shelf, Owner: owner, Resume: id})
				other.line(`< error {"error":{"code":"conversation_not_found"}}`)
				if err := <-other.done; !errors.Is(err, ErrUnknownConversation) {
					t.Errorf("%s: Run = %v", when, err)
				}
			}
		}
		foreign("while it has a connection")
		v.lines(question) // which is still there
		time.Sleep(time.Second)
		v.drain()
		v.client.Vanish()
		<-v.done
		foreign("while it waits")
		v = come(t, fake, Options{Shelf: shelf, Owner: "one", Resume: id})
		if got := kinds(v.drain()); len(got) != 9 || got[0] != "session.created" {
			t.Errorf("events %v", got)
		}
		v.client.Close()
		<-v.done
		shelf.Close()
		if fake.left() != 0 {
			t.Errorf("%d are left", fake.left())
		}
	})
}

func TestConversationsThatAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, shelf := newFake(), NewShelf(2, time.Minute)
		unknown := func(id string, k *Shelf) {
			t.Helper()
			v := come(t, fake, Options{Shelf: k, Resume: id})
			v.line(`< error {"error":{"type":"invalid_request_error","code":"conversation_not_found","param":"conversation_id"}}`)
			v.line("! 4004")
			if err := <-v.done; !errors.Is(err, ErrUnknownConversation) {
				t.Errorf("Run = %v", err)
			}
		}
		var ids []string
		for range 3 {
			v := come(t, fake, Options{Shelf: shelf})
			v.lines(question)
			time.Sleep(time.Second)
			ids = append(ids, conversationOf(v.drain()))
			v.client.Vanish()
			<-v.done
		}
		empty := come(t, fake, Options{Shelf: shelf})
		empty.drain()
		empty.client.Vanish()
		<-empty.done
		if shelf.Len() != 2 {
			t.Errorf("%d conversations are kept, want 2", shelf.Len())
		}
		unknown("conv_nonsense", shelf)
		unknown(ids[0], shelf)
		unknown(ids[1], nil)
		time.Sleep(2 * time.Minute)
		unknown(ids[1], shelf)
		unknown(ids[2], shelf)
		if fake.left() != 0 || shelf.Len() != 0 {
			t.Errorf("%d are left when their time is over, %d conversations", fake.left(), shelf.Len())
		}
		v := come(t, fake, Options{Shelf: shelf})
		v.lines(question)
		time.Sleep(time.Second)
		v.drain()
		v.shutDown()
		<-v.done
		closed := come(t, fake, Options{Shelf: shelf})
		closed.lines(question)
		time.Sleep(time.Second)
		shelf.Close()
		closed.client.Vanish()
		<-closed.done
		if shelf.Len() != 0 || fake.left() != 0 {
			t.Errorf("%d conversations are kept of a server that ends, %d are left", shelf.Len(), fake.left())
		}
	})
}
