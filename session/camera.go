package session

import "hark/session/realtime"

// appendImage takes a frame of the camera.
func (s *session) appendImage(realtime.ImageAppend) {}

// clearImage forgets the frame that nobody has asked about.
func (s *session) clearImage() { s.send(realtime.ImageCleared{}) }
