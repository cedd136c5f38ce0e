package speech

import (
	"fmt"
	"strings"
	"unicode"
)

// languages are those that espeak-ng has.
type languages struct {
	list []string // its names: de, en-us, cmn, …
	own  string   // of text that says nothing else
}

// newLanguages reads the table of espeak-ng --voices. own is one of them, "" is
// en-us.
func newLanguages(table, own string) (languages, error) {
	var l languages
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 1 && f[1] != "Language" {
			l.list = append(l.list, f[1])
		}
	}
	if len(l.list) == 0 {
		return l, fmt.Errorf("%w: espeak-ng has no languages", ErrNone)
	}
	l.own = l.list[0]
	for _, name := range []string{own, "en-us", "en"} {
		if found := l.match(name); name != "" && found != "" {
			l.own = found
			break
		}
	}
	if own != "" && !sameLanguage(l.own, synonym(own)) {
		return l, fmt.Errorf("speech: espeak-ng does not speak %q", own)
	}
	return l, nil
}

// find returns espeak-ng's name of a language, its own for one that is not
// known.
func (l *languages) find(tag string) string {
	if tag == "" || strings.EqualFold(tag, base(l.own)) {
		return l.own
	}
	if found := l.match(tag); found != "" {
		return found
	}
	return l.own
}

// match looks for a tag, then for its language alone; "" is none.
func (l *languages) match(tag string) string {
	tag = synonym(tag)
	for _, name := range []string{tag, base(tag)} {
		for _, have := range l.list {
			if strings.EqualFold(have, name) {
				return have
			}
		}
		for _, have := range l.list {
			if name != "" && strings.HasPrefix(strings.ToLower(have), name+"-") {
				return have
			}
		}
	}
	return ""
}

// synonym returns the name that espeak-ng has for a language.
func synonym(tag string) string {
	tag = strings.ToLower(strings.ReplaceAll(tag, "_", "-"))
	switch base(tag) {
	case "zh":
		if tag == "zh-hk" {
			return "yue"
		}
		return "cmn"
	case "no":
		return "nb"
	case "iw":
		return "he"
	case "en":
		if tag == "en" {
			return "en-us"
		}
	case "fr":
		if tag == "fr" {
			return "fr-fr"
		}
	}
	return tag
}

func base(tag string) string {
	name, _, _ := strings.Cut(tag, "-")
	return name
}

func sameLanguage(a, b string) bool { return strings.EqualFold(base(a), base(b)) }

// scripts are those that one language is most likely written in.
var scripts = []struct {
	table    *unicode.RangeTable
	language string
}{
	{unicode.Hiragana, "ja"}, {unicode.Katakana, "ja"}, {unicode.Hangul, "ko"}, {unicode.Han, "cmn"},
	{unicode.Cyrillic, "ru"}, {unicode.Greek, "el"}, {unicode.Hebrew, "he"}, {unicode.Arabic, "ar"},
	{unicode.Devanagari, "hi"}, {unicode.Bengali, "bn"}, {unicode.Gurmukhi, "pa"}, {unicode.Gujarati, "gu"},
	{unicode.Tamil, "ta"}, {unicode.Telugu, "te"}, {unicode.Kannada, "kn"}, {unicode.Malayalam, "ml"},
	{unicode.Sinhala, "si"}, {unicode.Thai, "th"}, {unicode.Myanmar, "my"}, {unicode.Georgian, "ka"},
	{unicode.Armenian, "hy"}, {unicode.Ethiopic, "am"},
}

// common are short words that give a language in Latin script away. Words of
// two languages count for both.
var common = map[string]map[string]bool{
	"en": set("the and is are of to in it you that this with for not have was be on what can i"),
	"de": set("der die das und ist nicht ich du sie ein eine zu mit von für auf den dem auch es wir im sich wie"),
	"fr": set("le la les et est des une un je vous pas pour dans que qui du il elle nous ce au sur avec c'est"),
	"es": set("el la los las y es de que en un una no por con para se lo del al como más pero está son"),
	"it": set("il la che di e è un una non per in con sono del della si lo gli le ma anche questo"),
	"pt": set("o a os as e é de que em um uma não por com para se do da no na mais mas está são você"),
	"nl": set("de het een en is van niet ik je dat op te met voor zijn er aan maar ook die wat"),
	"sv": set("och är att det en ett som på för inte jag du med av den har till om kan"),
	"pl": set("i w na nie się to jest że z do jak co ale tak czy dla są był może"),
	"tr": set("ve bir bu da de için ile ne çok var mı değil ama olarak daha gibi"),
}

// LanguageOf guesses the language of a text: by its script, or by the short
// words of some languages in Latin script. "" is one that it cannot tell.
func LanguageOf(text string) string {
	letters, latin := 0, 0
	count := make([]int, len(scripts))
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			continue
		}
		if letters++; letters > 1000 {
			break
		}
		if r < 0x250 {
			latin++
			continue
		}
		for i := range scripts {
			if unicode.Is(scripts[i].table, r) {
				count[i]++
				break
			}
		}
	}
	most := 0
	for i, n := range count {
		if n > count[most] {
			most = i
		}
	}
	switch {
	case count[0]+count[1] > 0 && (count[0]+count[1])*8 > letters: // Han among kana is Japanese
		return "ja"
	case count[most] > latin:
		return scripts[most].language
	}
	return latinLanguage(text)
}

// latinLanguage returns the language most of whose short words are in the text,
// if these are two at least and more than of any other.
func latinLanguage(text string) string {
	votes := map[string]int{}
	words := strings.FieldsFunc(strings.ToLower(text[:whole(text, 1000)]), func(r rune) bool {
		return !unicode.IsLetter(r) && r != '\''
	})
	for _, w := range words {
		for language, known := range common {
			if known[w] {
				votes[language]++
			}
		}
	}
	best, second := "", 0
	for language, n := range votes {
		switch {
		case best == "" || n > votes[best]:
			best, second = language, max(votes[best], 0)
		case n > second:
			second = n
		}
	}
	if votes[best] < 2 || votes[best] == second {
		return ""
	}
	return best
}
