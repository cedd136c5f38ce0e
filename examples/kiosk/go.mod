module example.com/kiosk

go 1.26.8

require hark v0.0.0

require (
	github.com/ebitengine/purego v0.11.3 // indirect
	golang.org/x/image v0.47.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

// hark is not on a module proxy: this says where its source lies, from here.
replace hark => ../..
