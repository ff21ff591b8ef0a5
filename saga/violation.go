package saga

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// MaxViolations bounds how many things wrong with an input are told at once.
const MaxViolations = 20

// violations turns the library's tree of errors into sentences, sorted by place.
func violations(err *jsonschema.ValidationError) []Violation {
	list := collectViolations(nil, err)
	slices.SortFunc(list, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Message, b.Message))
	})
	list = slices.Compact(list)
	return list[:min(len(list), MaxViolations)]
}

func collectViolations(list []Violation, err *jsonschema.ValidationError) []Violation {
	for _, cause := range err.Causes {
		list = collectViolations(list, cause)
	}
	if len(err.Causes) > 0 {
		return list
	}
	place := pointer(err.InstanceLocation)
	switch k := err.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			list = append(list, Violation{string(place.AppendToken(name)), "is missing"})
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			list = append(list, Violation{string(place.AppendToken(name)), "is not known here"})
		}
	default:
		list = append(list, Violation{string(place), sentence(err.ErrorKind)})
	}
	return list
}

// path returns the names on the way to the place.
func (v Violation) path() []string { return slices.Collect(jsontext.Pointer(v.Place).Tokens()) }

func pointer(location []string) jsontext.Pointer {
	var p jsontext.Pointer
	for _, name := range location {
		p = p.AppendToken(name)
	}
	return p
}

// sentence says what is wrong with one value.
func sentence(problem jsonschema.ErrorKind) string {
	switch k := problem.(type) {
	case *kind.Type:
		return fmt.Sprintf("must be %s, but is %s", articles(k.Want), article(k.Got))
	case *kind.Format:
		if k.Want == minorUnits {
			return k.Err.Error()
		}
		return fmt.Sprintf("must be of the format %s, but is %s", k.Want, shown(k.Got))
	case *kind.Pattern:
		return fmt.Sprintf("must match %s, but is %s", k.Want, shown(k.Got))
	case *kind.Enum:
		return fmt.Sprintf("must be one of %s, but is %s", shown(k.Want), shown(k.Got))
	case *kind.Const:
		return fmt.Sprintf("must be %s, but is %s", shown(k.Want), shown(k.Got))
	case *kind.Minimum:
		return fmt.Sprintf("must be at least %s, but is %s", k.Want.RatString(), k.Got.RatString())
	case *kind.Maximum:
		return fmt.Sprintf("must be at most %s, but is %s", k.Want.RatString(), k.Got.RatString())
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters, but has %d", k.Want, k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters, but has %d", k.Want, k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d items, but has %d", k.Want, k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d items, but has %d", k.Want, k.Got)
	}
	return problem.LocalizedString(english)
}

var english = message.NewPrinter(language.English)

// shown is a value as JSON, cut where it becomes too long for a sentence.
func shown(v any) string {
	const most = 60
	text, err := appendValue(nil, v, MaxDepth)
	switch {
	case err != nil:
		return "something else"
	case len(text) > most:
		return strings.ToValidUTF8(string(text[:most]), "") + "..."
	}
	return string(text)
}

func articles(types []string) string {
	named := make([]string, len(types))
	for i, t := range types {
		named[i] = article(t)
	}
	return strings.Join(named, " or ")
}

func article(jsonType string) string {
	switch jsonType {
	case "null":
		return jsonType
	case "array":
		return "a list"
	case "integer", "object":
		return "an " + jsonType
	}
	return "a " + jsonType
}
