package session

import (
	"time"

	"hark/audio"
	"hark/session/turn"
)

// The limits of a session. Beyond each of them the client gets an error event
// and the session goes on.
const (
	// MaxAppendBytes is the most sound that one append may carry.
	MaxAppendBytes = 15 << 20
	// MaxBuffer is the longest input buffer, from one commit or clear to the
	// next. What goes beyond it is refused and the buffer is cleared. Where
	// the server finds the turns, a turn ends when it is that long.
	MaxBuffer = 10 * time.Minute
	// MaxItems is the number of items in a conversation.
	MaxItems = 4096
	// MaxParts is the number of parts in the content of an item.
	MaxParts = 64
	// MaxTools is the number of functions in a session or a response.
	MaxTools = 128
	// MaxOutOfBand is the number of responses out of band at a time.
	MaxOutOfBand = 4
	// MaxEventBytes bounds the events that the server sends: some clients
	// close the connection at 1 MiB. What has to be echoed and does not fit
	// (an item, the session's instructions and tools) is refused.
	MaxEventBytes = 900 << 10
)

// How the session hears.
const (
	// heardAfter is how much is heard after the last speech: seven frames, as
	// many as likelyAfter takes, so that a turn is the same whether the
	// server or the client ends it. Models are trained on clips with little
	// silence at their end; what lies behind it is held back, and dropped
	// when the turn ends.
	heardAfter = 7 * turn.FrameSamples * time.Second / time.Duration(modelRate)
	// likelyAfter is the silence after which a turn has likely ended, where
	// its end takes longer.
	likelyAfter = 200 * time.Millisecond
	// likelySemantic is the least silence after which a turn has likely ended
	// with semantic_vad; the less finished it seems, the longer it is.
	likelySemantic = 100 * time.Millisecond
	// judgedAnew is the time after the end of a turn from which what follows
	// is another, and not what the user had left to say.
	judgedAnew = 3 * time.Second
	// heardBefore is how much is heard before the first speech unless
	// prefix_padding_ms says otherwise.
	heardBefore = 300 * time.Millisecond
	// minCommit is the shortest buffer that a client may commit.
	minCommit = 100 * time.Millisecond
	// defaultThreshold is the speech probability that counts as speech where
	// the client gives none.
	defaultThreshold = 0.5
)

// The queues of a session.
const (
	// inboxPackets is how many packets wait for the session, a second of
	// microphone. Full: the reader waits, and the transport pushes back.
	inboxPackets = 50
	// maxCaptions is how many utterances wait to be written down. Full: the
	// next is not, and the client is told.
	maxCaptions = 32
	// stepsAhead is how many tokens wait for the session. Full: the
	// response's goroutine waits, and the engine goes on with others.
	stepsAhead = 64
)

// captionWait is how long the words of a user may wait for a place in the
// engine.
const captionWait = time.Minute

// contextReserve is the part of the context that is kept free for an answer.
const contextReserve = 8 // an eighth

// autoRetention is the part of a conversation that stays where the oldest
// turns have to go and the client does not say how much of it.
const autoRetention = 0.8

// audioShare says how much of the context one utterance may fill: 3/4.
const audioShareNum, audioShareDen = 3, 4

// maxUtterance returns the samples that one utterance may have with a context
// of so many positions.
func maxUtterance(context, tokenSamples int) int64 {
	longest := int64(MaxBuffer) * int64(audio.ModelRate) / int64(time.Second)
	if context <= 0 || tokenSamples <= 0 {
		return longest
	}
	return min(longest, int64(context)*audioShareNum/audioShareDen*int64(tokenSamples))
}

// lowDetailTokens are the soft tokens of a picture of detail low, for models
// that take more on their own.
const lowDetailTokens = 70
