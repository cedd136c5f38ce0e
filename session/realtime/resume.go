package realtime

// CodeUnknownConversation is the code of the error that a client gets who wants
// to go on with a conversation that is not kept (any more). Nothing follows it
// but the close.
const CodeUnknownConversation = "conversation_not_found"
