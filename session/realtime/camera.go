package realtime

import "strings"

// The input_image_buffer events are an extension: frames of a camera as they
// come, of which the newest counts. Clients that do not send them see nothing
// of it.

// ImageCleared answers ImageClear.
type ImageCleared struct{}

// Type returns "input_image_buffer.cleared".
func (ImageCleared) Type() string { return "input_image_buffer.cleared" }

func (ImageCleared) appendFields(b []byte) []byte { return b }

// decodeImageAppend takes base64 alone, or a data URI.
func decodeImageAppend(e event, o object) ClientEvent {
	ev := ImageAppend{event: e}
	if !o.need("image") {
		return ev
	}
	if s, _ := o.text("image"); strings.HasPrefix(s, "data:") {
		data, err := DecodeDataURI(s)
		if err != nil {
			o.r.fail(CodeInvalidValue, o.param("image"), "%s: %v", o.param("image"), err)
		}
		ev.Image = data
	} else {
		ev.Image, _ = o.bytes("image")
	}
	ev.Detail, _ = o.text("detail")
	if ev.Detail != "" {
		o.oneOf("detail", ev.Detail, "auto", "low", "high")
	}
	return ev
}
