package realtime

import "fmt"

// The codes of errors. Clients branch on them: see the table in section 14 of
// the protocol notes.
const (
	CodeUnknownEvent    = "unknown_event"              // a type that is not in the protocol
	CodeInvalidEvent    = "invalid_event"              // not a JSON object
	CodeInvalidType     = "invalid_type"               // a field of the wrong JSON type
	CodeInvalidValue    = "invalid_value"              // a field with a value that is not allowed
	CodeMissing         = "missing_required_parameter" // a field that must be there
	CodeTooLong         = "string_above_max_length"    // more than a limit allows
	CodeDuplicateItem   = "item_create_duplicate_item_id"
	CodeRetrieveUnknown = "item_retrieve_invalid_item_id"
	CodeDeleteUnknown   = "item_delete_invalid_item_id"
	CodeTruncateUnknown = "item_truncate_invalid_item_id"
	CodeCommitEmpty     = "input_audio_buffer_commit_empty"
	CodeBufferFull      = "input_audio_buffer_too_long"
	CodeActiveResponse  = "conversation_already_has_active_response"
	CodeCancelNotActive = "response_cancel_not_active"
	CodeContextLength   = "context_length_exceeded" // the conversation does not fit the model
	CodeTooManyItems    = "too_many_items"
	CodeOverloaded      = "server_overloaded"
	CodeServerError     = "server_error"
	CodeUnsupported     = "unsupported_modality" // the loaded model cannot hear or see
)

// The types of errors. Others exist at OpenAI that some clients take as the
// end of the account (insufficient_quota, invalid_api_key): those are never
// sent here.
const (
	TypeInvalidRequest = "invalid_request_error"
	TypeServer         = "server_error"
)

// Error is an error that a client is told about. The session goes on after it.
type Error struct {
	Kind    string // TypeInvalidRequest or TypeServer; empty is the former
	Code    string // one of the codes above
	Message string // for people
	Param   string // JSON path of the field at fault, "" for none
	EventID string // the client's event_id, "" if it gave none
}

// Error returns the error for logs.
func (e *Error) Error() string {
	if e.Param == "" {
		return fmt.Sprintf("realtime: %s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("realtime: %s: %s: %s", e.Code, e.Param, e.Message)
}

// Invalid returns an error of the client's making.
func Invalid(code, param, format string, args ...any) *Error {
	return &Error{Kind: TypeInvalidRequest, Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}
