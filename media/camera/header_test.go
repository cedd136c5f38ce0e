//go:build talk

package camera

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The layout is that of the kernel's header, as the C compiler of this machine
// reads it.
func TestLayoutIsThatOfTheKernelsHeader(t *testing.T) {
	rows := []struct {
		c    string
		want uintptr
	}{
		{"sizeof(struct v4l2_capability)", sizeCapability}, {"offsetof(struct v4l2_capability, card)", capCard},
		{"offsetof(struct v4l2_capability, capabilities)", capCapabilities}, {"offsetof(struct v4l2_capability, device_caps)", capDevice},
		{"sizeof(struct v4l2_fmtdesc)", sizeFormatDesc}, {"offsetof(struct v4l2_fmtdesc, pixelformat)", descPixel},
		{"sizeof(struct v4l2_format)", sizeFormat}, {"offsetof(struct v4l2_format, fmt.pix.width)", formatWidth},
		{"offsetof(struct v4l2_format, fmt.pix.height)", formatHeight}, {"offsetof(struct v4l2_format, fmt.pix.pixelformat)", formatPixel},
		{"offsetof(struct v4l2_format, fmt.pix.field)", formatField}, {"offsetof(struct v4l2_format, fmt.pix.bytesperline)", formatLine},
		{"offsetof(struct v4l2_format, fmt.pix.sizeimage)", formatImage}, {"sizeof(struct v4l2_requestbuffers)", sizeRequest},
		{"sizeof(struct v4l2_buffer)", sizeBuffer}, {"offsetof(struct v4l2_buffer, bytesused)", bufferUsed},
		{"offsetof(struct v4l2_buffer, flags)", bufferFlags}, {"offsetof(struct v4l2_buffer, memory)", bufferMemory},
		{"offsetof(struct v4l2_buffer, m.offset)", bufferOffset}, {"offsetof(struct v4l2_buffer, length)", bufferLength},
		{"VIDIOC_QUERYCAP", queryCapability}, {"VIDIOC_ENUM_FMT", enumFormat}, {"VIDIOC_S_FMT", setFormat}, {"VIDIOC_REQBUFS", requestBuffers},
		{"VIDIOC_QUERYBUF", queryBuffer}, {"VIDIOC_QBUF", queueBuffer}, {"VIDIOC_DQBUF", dequeueBuffer}, {"VIDIOC_STREAMON", streamOn},
		{"VIDIOC_STREAMOFF", streamOff}, {"V4L2_PIX_FMT_MJPEG", pixelMJPEG}, {"V4L2_PIX_FMT_JPEG", pixelJPEG}, {"V4L2_PIX_FMT_YUYV", pixelYUYV},
		{"V4L2_BUF_FLAG_ERROR", flagError}, {"V4L2_CAP_VIDEO_CAPTURE", canCapture}, {"V4L2_CAP_STREAMING", canStream}, {"V4L2_CAP_DEVICE_CAPS", hasDeviceCaps},
		{"V4L2_BUF_TYPE_VIDEO_CAPTURE", captureType}, {"V4L2_MEMORY_MMAP", memoryMap}, {"V4L2_FIELD_NONE", fieldNone},
	}
	source := "#include <stdio.h>\n#include <stddef.h>\n#include <linux/videodev2.h>\nint main(void) {\n"
	var want strings.Builder
	for _, r := range rows {
		source += fmt.Sprintf("printf(\"%s %%lu\\n\", (unsigned long)(unsigned int)(%s));\n", r.c, r.c)
		fmt.Fprintln(&want, r.c, r.want)
	}
	dir := t.TempDir()
	file, program := filepath.Join(dir, "layout.c"), filepath.Join(dir, "layout")
	if err := os.WriteFile(file, []byte(source+"return 0;\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-o", program, file).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	got, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Errorf("the header says\n%s\nwant\n%s", got, want.String())
	}
}
