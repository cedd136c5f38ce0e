package camera

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
)

// Cameras send two forms of pictures that are understood here: JPEG, and YUYV,
// two pixels in four bytes.

// quality is that of the JPEG that YUYV becomes.
const quality = 85

// fromYUYV encodes a frame of YUYV (V4L2_PIX_FMT_YUYV: Y0 Cb Y1 Cr), whose lines
// lie stride bytes apart. Its range is the limited one of BT.601, 16 to 235, as
// webcams send it; that of JPEG is the full one.
func fromYUYV(data []byte, width, height, stride int) ([]byte, error) {
	if width <= 0 || height <= 0 || width%2 != 0 || stride < 2*width || len(data) < stride*(height-1)+2*width {
		return nil, fmt.Errorf("camera: %d bytes for %d by %d pixels of YUYV, %d a line", len(data), width, height, stride)
	}
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio422)
	for y := range height {
		line := data[y*stride:]
		luma, cb, cr := img.Y[y*img.YStride:], img.Cb[y*img.CStride:], img.Cr[y*img.CStride:]
		for x := 0; x < width; x += 2 {
			luma[x], luma[x+1] = fullLuma[line[2*x]], fullLuma[line[2*x+2]]
			cb[x/2], cr[x/2] = fullChroma[line[2*x+1]], fullChroma[line[2*x+3]]
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("camera: %w", err)
	}
	return out.Bytes(), nil
}

// fullLuma and fullChroma stretch the limited range (16 to 235, 16 to 240) to
// the full one.
var fullLuma, fullChroma = func() (luma, chroma [256]byte) {
	for i := range 256 {
		luma[i] = byte(min(255, max(0, ((i-16)*255+109)/219)))
		chroma[i] = byte(min(255, max(0, 128+((i-128)*255)/224)))
	}
	return luma, chroma
}()

// fromMJPEG makes a frame of a camera a JPEG file: many cameras leave out the
// Huffman tables, which are then those of the standard (ITU-T T.81, Annex K.3,
// as Motion JPEG in AVI has it), and fill up the buffer behind the end.
func fromMJPEG(data []byte) ([]byte, error) {
	if len(data) < 4 || data[0] != 0xff || data[1] != 0xd8 {
		return nil, fmt.Errorf("camera: a frame of %d bytes that is no JPEG", len(data))
	}
	scan := -1
	for i := 2; i+4 <= len(data); {
		if data[i] != 0xff {
			return nil, fmt.Errorf("camera: a JPEG without a marker at byte %d", i)
		}
		marker := data[i+1]
		if marker == 0xff { // fill
			i++
			continue
		}
		if marker == 0xc4 {
			return bytes.Clone(data), nil // it has tables
		}
		if marker == 0xda {
			scan = i
			break
		}
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 { // no length
			i += 2
			continue
		}
		i += 2 + int(data[i+2])<<8 + int(data[i+3])
	}
	if scan < 0 {
		return nil, fmt.Errorf("camera: a JPEG of %d bytes without a picture", len(data))
	}
	out := make([]byte, 0, len(data)+len(standardTables))
	out = append(out, data[:scan]...)
	out = append(out, standardTables...)
	return append(out, data[scan:]...), nil
}

// standardTables is a DHT segment with the four tables of Annex K.3: counts of
// codes of 1 to 16 bits, then the values.
var standardTables = func() []byte {
	tables := []byte{0xff, 0xc4, 0x01, 0xa2}
	tables = append(tables, "\x00\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00"+ // DC, luma
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"...)
	tables = append(tables, "\x01\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00"+ // DC, chroma
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"...)
	tables = append(tables, "\x10\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d"+ // AC, luma
		"\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\x08"+
		"\x23\x42\xb1\xc1\x15\x52\xd1\xf0\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28"+
		"\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59"+
		"\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89"+
		"\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6"+
		"\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2"+
		"\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa"...)
	tables = append(tables, "\x11\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77"+ // AC, chroma
		"\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\x91"+
		"\xa1\xb1\xc1\x09\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26"+
		"\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58"+
		"\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87"+
		"\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4"+
		"\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda"+
		"\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa"...)
	return tables
}()
