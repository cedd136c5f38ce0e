//go:build amd64 && !purego

package kernel

// strips computes a.tiles strips, with the kernel for 1, 2 or 4 rows of x.
func strips(a *quadArgs) {
	if !vnni {
		stripsGeneric(a)
		return
	}
	switch kind := int(a.format)*2 + a.group/roundedBlock; a.rows {
	case 1:
		stripsOne(a, kind)
	case 2:
		stripsTwo(a, kind)
	default:
		stripsFour(a, kind)
	}
}

func stripsOne(a *quadArgs, kind int) {
	switch kind {
	case 0:
		q4g32oneStrips(a)
	case 1:
		q4g64oneStrips(a)
	case 2:
		q8g32oneStrips(a)
	default:
		q8g64oneStrips(a)
	}
}

func stripsTwo(a *quadArgs, kind int) {
	switch kind {
	case 0:
		q4g32twoStrips(a)
	case 1:
		q4g64twoStrips(a)
	case 2:
		q8g32twoStrips(a)
	default:
		q8g64twoStrips(a)
	}
}

func stripsFour(a *quadArgs, kind int) {
	switch kind {
	case 0:
		q4g32fourStrips(a)
	case 1:
		q4g64fourStrips(a)
	case 2:
		q8g32fourStrips(a)
	default:
		q8g64fourStrips(a)
	}
}

//go:noescape
func q4g32oneStrips(a *quadArgs)

//go:noescape
func q4g32twoStrips(a *quadArgs)

//go:noescape
func q4g32fourStrips(a *quadArgs)

//go:noescape
func q4g64oneStrips(a *quadArgs)

//go:noescape
func q4g64twoStrips(a *quadArgs)

//go:noescape
func q4g64fourStrips(a *quadArgs)

//go:noescape
func q8g32oneStrips(a *quadArgs)

//go:noescape
func q8g32twoStrips(a *quadArgs)

//go:noescape
func q8g32fourStrips(a *quadArgs)

//go:noescape
func q8g64oneStrips(a *quadArgs)

//go:noescape
func q8g64twoStrips(a *quadArgs)

//go:noescape
func q8g64fourStrips(a *quadArgs)
