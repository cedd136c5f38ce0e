// Package openapi holds the description of the HTTP API, OpenAPI 3.1. The server
// serves it at /openapi.json and takes no request that does not fit it.
//
// Start reading at openapi.json.
package openapi

import _ "embed"

//go:embed openapi.json
var document []byte

// Document returns the description in JSON. It must not be changed.
func Document() []byte { return document }
