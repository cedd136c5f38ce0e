// Package chat is the contract of a chat format: the messages of a
// conversation become the ids a model reads, and the ids a model writes become
// text, thoughts and tool calls.
//
// Markers are token ids on both ways. Nothing a user, a tool or a system
// prompt says can become one, and nothing but a marker ends a thought or a
// call. Text that a model has spoken can be put back as the very ids it
// sampled (Content.IDs), so that a cache that holds them stays valid.
//
// There are the formats of Gemma 4 and of Gemma 3.
//
// Source: gemma4.md 6.
//
// Start reading at Format.
package chat

import (
	"encoding/json"
	"time"

	"hark/engine/grammar"
	"hark/engine/token"
)

// Role says who speaks a message.
type Role string

// The roles. A developer is a system by an older name.
const (
	System    Role = "system"
	Developer Role = "developer"
	User      Role = "user"
	Assistant Role = "assistant"
	ToolRole  Role = "tool"
)

// Kind says what a piece of content or a run is.
type Kind uint8

// The kinds of content.
const (
	Text Kind = iota
	Image
	Audio
	Video
)

// Content is a piece of a message.
type Content struct {
	Kind Kind
	// Text is what is said, for Kind Text.
	Text string
	// IDs are the ids the model wrote, for Kind Text; they are used as they
	// are, and Text is not. Ids of Stops at the end are left out.
	IDs []token.ID
	// Media is the number the caller gave this picture or clip.
	Media int
	// Tokens is the number of its soft tokens, 0 while unknown. It is the
	// caller's note; no Format reads it.
	Tokens int
	// Frames are the pictures of a Video; without any it has one, Media, at
	// its very beginning.
	Frames []Frame
}

// Frame is one picture of a video.
type Frame struct {
	At    time.Duration // since the video's beginning
	Media int           // as in Content
}

// Message is one contribution to a conversation.
type Message struct {
	Role    Role
	Content []Content
	// Reasoning is what an assistant thought before it spoke.
	Reasoning string
	// ToolCalls are what an assistant asked for.
	ToolCalls []ToolCall
	// ToolCallID says, in a message of a tool, which call it answers.
	ToolCallID string
	// Name is the tool's, for a result whose call is not known.
	Name string
	// Result is, in a message of a tool, its result as a JSON object, which
	// is written in the format's own form, before the media of Content and
	// in the place of its text.
	Result json.RawMessage
}

// Result returns text as Message.Result if it is a JSON object, nil otherwise.
// Clients send results as text; a model reads an object better in its format's
// own form.
func Result(text string) json.RawMessage {
	if v, err := decode(json.RawMessage(text)); err == nil {
		if _, ok := v.(object); ok {
			return json.RawMessage(text)
		}
	}
	return nil
}

// ToolCall is a function that the model wants to have called.
type ToolCall struct {
	// ID is the caller's name for the call; parsers leave it empty.
	ID string
	// Name is the function's.
	Name string
	// Arguments are a JSON object. In a message they may also be a JSON
	// string, which is rendered as it is, or nothing.
	Arguments json.RawMessage
}

// Tool is a function that the model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema of the arguments, an object; may be empty
	Response    json.RawMessage // JSON Schema of the result, an object; may be empty
}

// Options say how a conversation is rendered.
type Options struct {
	// Generate adds what makes the model answer.
	Generate bool
	// Think lets the model think before it answers.
	Think bool
	// PreserveThinking keeps the thoughts of old messages that call tools.
	PreserveThinking bool
	// Tools are what the model may call.
	Tools []Tool
	// Open says that the last message is still being spoken: the rendering
	// ends right behind its last piece of content, before the marker that
	// ends it and the end of the turn. That message must be a user's, or an
	// assistant's without tool calls, and Generate must be false.
	Open bool
	// InThought, for NewParser, says that the prompt ended inside a thought,
	// which Format.InThought tells.
	InThought bool
}

// Run is a stretch of a rendered conversation.
type Run struct {
	IDs   []token.ID
	Media int  // -1, or the media whose soft tokens stand here in place of IDs
	Kind  Kind // of that media; Text where Media is -1
}

// Format is a family's way to write conversations down. It does not change and
// may be used by several goroutines.
type Format interface {
	// Render returns the ids of a conversation, from the token that begins
	// every sequence. A picture or clip becomes a Run of its own between one
	// that ends in the marker of its beginning and one that starts with the
	// marker of its end. Between markers text is tokenized as a whole,
	// across messages' borders if need be, as the reference does.
	//
	// An error is the caller's fault: a role that does not exist, a schema
	// or arguments that cannot be read, a result without a call.
	Render(msgs []Message, o Options) ([]Run, error)
	// Text returns a conversation as the reference template prints it, with
	// one placeholder for each picture or clip. It is for people: markers
	// cannot be told from text that looks like them.
	Text(msgs []Message, o Options) (string, error)
	// Stops are the ids that end the model's turn.
	Stops() []token.ID
	// InThought reports whether a rendering ends inside a thought, so that
	// what the model writes begins there.
	InThought(prompt []Run) bool
	// NewParser returns a parser for one completion.
	NewParser(o Options) Parser
	// Calls returns the grammar of calls of tools, whose arguments fit their
	// schemas. If must is set the completion is one or more calls from its
	// first token on and trigger is 0; otherwise the grammar is that of one
	// call behind each trigger, and what is between them is free. An error
	// names the schema that cannot be followed.
	Calls(tools []Tool, must bool) (g *grammar.Grammar, trigger token.ID, err error)
}

// PieceKind says what the model wrote.
type PieceKind uint8

// The kinds of pieces.
const (
	PieceText      PieceKind = iota // Text is part of the answer
	PieceThought                    // Text is part of a thought
	PieceToolCall                   // Call is a whole call
	PieceBroken                     // Text is a call that cannot be read
	PieceArguments                  // Text is the next piece of a call's arguments, of which Call has the Name
)

// Piece is something the model has said.
type Piece struct {
	Kind PieceKind
	Text string
	Call ToolCall
}

// Parser takes a completion apart while it comes in. Texts of one kind add up
// over the pieces. The arguments of a call come in pieces of JSON as soon as they
// are certain, and are whole in the PieceToolCall behind them, of which they are
// a beginning; a call that cannot be read to its end ends in PieceBroken. One
// goroutine may use it.
type Parser interface {
	// Push takes the next id and the text that a token.Decoder gives for it,
	// and returns what that completes. The slice is valid until the next
	// call.
	Push(id token.ID, text string) []Piece
	// Flush ends the completion and returns what was held back.
	Flush() []Piece
}
