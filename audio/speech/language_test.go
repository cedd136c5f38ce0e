package speech

import (
	"errors"
	"testing"
)

func TestLanguageOf(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"OK":                               "",
		"Hello.":                           "",
		"The answer is eighteen.":          "en",
		"Das ist nicht die Antwort.":       "de",
		"Je ne suis pas sûr que vous êtes": "fr",
		"Es una pregunta muy buena, pero no lo sé": "es",
		"Привет, как дела?":                        "ru",
		"你好，世界":                                    "cmn",
		"これは日本語です。漢字もある":                           "ja",
		"안녕하세요":                                    "ko",
		"Καλημέρα":                                 "el",
		"नमस्ते":                                   "hi",
		"सूर्य is the sun, and the moon is चन्द्र in this": "en",
	} {
		if got := LanguageOf(text); got != want {
			t.Errorf("LanguageOf(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestLanguagesAreFound(t *testing.T) {
	l, err := newLanguages("Pty Language Age\n 5 cmn x\n 5 de x\n 2 en-gb x\n 2 en-us x\n 5 fr-fr x\n 5 pt x\n 5 pt-br x\n 5 nb x", "en-GB")
	if err != nil || l.own != "en-gb" {
		t.Fatalf("own %q, %v", l.own, err)
	}
	for tag, want := range map[string]string{
		"": "en-gb", "en": "en-gb", "EN-us": "en-us", "de": "de", "de_AT": "de", "fr": "fr-fr", "fr-CA": "fr-fr",
		"zh": "cmn", "zh-CN": "cmn", "pt-BR": "pt-br", "pt-PT": "pt", "no": "nb", "xx": "en-gb", "-f": "en-gb",
	} {
		if got := l.find(tag); got != want {
			t.Errorf("find(%q) = %q, want %q", tag, got, want)
		}
	}
	if _, err := newLanguages("Pty Language\n 5 de x", "fr"); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("a language that is not there: %v", err)
	}
	if l, err := newLanguages("Pty Language\n 5 de x", ""); err != nil || l.own != "de" {
		t.Errorf("without English: %q, %v", l.own, err)
	}
	if _, err := newLanguages("", ""); !errors.Is(err, ErrNone) {
		t.Errorf("without any: %v", err)
	}
}
