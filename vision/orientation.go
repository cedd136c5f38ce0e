package vision

import (
	"encoding/binary"
	"hash/crc32"
)

// upright is the orientation of formats that carry none.
func upright([]byte) int { return 1 }

// orient returns img turned upright. Orientations are those of EXIF, tag
// 0x0112: 1 upright, 2 mirrored, 3 upside down, 4 both, 5 to 8 the same with
// rows and columns exchanged. Others count as 1.
func orient(img *Image, orientation int) *Image {
	if orientation < 2 || orientation > 8 {
		return img
	}
	w, h := img.Width, img.Height
	out := newImage(w, h)
	// Pixel x, y of the result is pixel from + x*right + y*down of img.
	right, down := 1, w
	from := 0
	switch orientation {
	case 2: // columns backwards
		from, right = w-1, -1
	case 3: // both backwards
		from, right, down = w*h-1, -1, -w
	case 4: // rows backwards
		from, down = w*(h-1), -w
	case 5: // transposed
		right, down = w, 1
	case 6: // a quarter to the right
		from, right, down = w*(h-1), -w, 1
	case 7: // transposed, both backwards
		from, right, down = w*h-1, -w, -1
	case 8: // a quarter to the left
		from, right, down = w-1, w, -1
	}
	if orientation >= 5 {
		out.Width, out.Height = h, w
	}
	dst := out.Pix
	for y := range out.Height {
		at := from + y*down
		for range out.Width {
			copy(dst[:3], img.Pix[3*at:])
			dst = dst[3:]
			at += right
		}
	}
	return out
}

// jpegOrientation looks for EXIF in the segments before the first scan.
func jpegOrientation(data []byte) int {
	const (
		app1  = 0xe1
		scan  = 0xda
		label = "Exif\x00\x00"
	)
	for data = data[2:]; len(data) >= 4 && data[0] == 0xff; {
		if data[1] == 0xff { // filling
			data = data[1:]
			continue
		}
		size := int(binary.BigEndian.Uint16(data[2:])) // with its own two bytes
		if data[1] == scan || size < 2 || 2+size > len(data) {
			break
		}
		body := data[4 : 2+size]
		if data[1] == app1 && len(body) >= len(label) && string(body[:len(label)]) == label {
			return exifOrientation(body[len(label):])
		}
		data = data[2+size:]
	}
	return 1
}

// pngOrientation looks for a chunk eXIf.
func pngOrientation(data []byte) int {
	for data = data[8:]; len(data) >= 12; {
		size := int64(binary.BigEndian.Uint32(data))
		if size > int64(len(data)-12) {
			break
		}
		body := data[8 : 8+size]
		sum := binary.BigEndian.Uint32(data[8+size:])
		if string(data[4:8]) == "eXIf" && crc32.ChecksumIEEE(data[4:8+size]) == sum {
			return exifOrientation(body)
		}
		data = data[12+size:]
	}
	return 1
}

// webpOrientation looks for a chunk EXIF, which may have the label of JPEG.
func webpOrientation(data []byte) int {
	const label = "Exif\x00\x00"
	for data = data[12:]; len(data) >= 8; {
		size := int64(binary.LittleEndian.Uint32(data[4:]))
		if size > int64(len(data)-8) {
			break
		}
		if body := data[8 : 8+size]; string(data[:4]) == "EXIF" {
			if len(body) >= len(label) && string(body[:len(label)]) == label {
				body = body[len(label):]
			}
			return exifOrientation(body)
		}
		data = data[min(8+size+size&1, int64(len(data))):]
	}
	return 1
}

// exifOrientation reads tag 0x0112 of the first directory of TIFF data, 1 if
// it is not there or makes no sense. Source: Exif 2.32, 4.6.4.
func exifOrientation(tiff []byte) int {
	const (
		tag   = 0x0112
		short = 3
		entry = 12 // bytes
	)
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	entries := int(order.Uint16(tiff[at:]))
	directory := tiff[at+2:]
	for range entries {
		if len(directory) < entry {
			break
		}
		if order.Uint16(directory) == tag && order.Uint16(directory[2:]) == short {
			if v := int(order.Uint16(directory[8:])); v >= 1 && v <= 8 {
				return v
			}
			break
		}
		directory = directory[entry:]
	}
	return 1
}
