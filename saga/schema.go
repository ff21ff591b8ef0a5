package saga

import (
	"errors"
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/message"
)

// MaxAmount is the largest amount of money: minor units that every JSON reader keeps exact.
const MaxAmount = 1<<53 - 1

// minorUnits is the format of an amount.
const minorUnits = "minor-units"

// schema checks inputs. It is JSON Schema 2020-12 with these differences:
//   - a number is an integer only if it is written as one: 1.0 and 1e3 are refused where
//     "type": "integer" stands. Any such field may be money, and a participant may read it into
//     an integer type;
//   - "format" is checked, and there is the format "minor-units": an integer literal from 1 to
//     [MaxAmount], and nothing else;
//   - a $ref leads to a place in the same schema only: nothing is ever loaded.
type schema struct {
	compiled *jsonschema.Schema
	plain    *plain // the same, if it is plain; nil: it is not
}

// CheckInput refuses an input that is not a body (see [CheckObject]) or does not fit the
// definition's schema. In the latter case the error is an [*InputError] with every violation.
func (d *Definition) CheckInput(input []byte) error {
	if err := CheckObject(input); err != nil {
		return err
	}
	if d.input == nil || d.input.plain.fits(input) {
		return nil
	}
	v, err := decodeValid(input)
	if err != nil {
		return err
	}
	return d.input.check(v)
}

func (s *schema) check(v any) error {
	err := s.compiled.Validate(v)
	var violated *jsonschema.ValidationError
	if err == nil || !errors.As(err, &violated) {
		return err
	}
	return &InputError{Violations: violations(violated)}
}

// schemaURL names the schema in itself; nothing can be loaded from there.
const schemaURL = "giro:///input"

func compileSchema(document any) (*schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	c.AssertFormat()
	c.AssertVocabs()
	c.RegisterFormat(&jsonschema.Format{Name: minorUnits, Validate: checkAmount})
	c.RegisterVocabulary(&jsonschema.Vocabulary{URL: "giro:///integer-literals", Compile: compileInteger})
	if err := c.AddResource(schemaURL, document); err != nil {
		return nil, err
	}
	compiled, err := c.Compile(schemaURL)
	if err != nil {
		return nil, err
	}
	return &schema{compiled, plainOf(compiled)}, nil
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, errors.New("a $ref can lead only to a place in the same schema, as in #/$defs/account")
}

func checkAmount(v any) error {
	if n, ok := v.(int); !ok || n < 1 || n > MaxAmount {
		return fmt.Errorf("must be an integer of minor units from 1 to %d, without point, exponent or quotes", MaxAmount)
	}
	return nil
}

// integerLiteral refuses a whole number that is not written as an integer.
type integerLiteral struct{}

func compileInteger(_ *jsonschema.CompilerContext, schema map[string]any) (jsonschema.SchemaExt, error) {
	types, ok := schema["type"].([]any)
	if !ok {
		types = []any{schema["type"]}
	}
	if slices.Contains(types, any("integer")) && !slices.Contains(types, any("number")) {
		return integerLiteral{}, nil
	}
	return nil, nil
}

// Validate sees only whole floats: the library refuses the others before.
func (integerLiteral) Validate(ctx *jsonschema.ValidatorContext, v any) {
	if _, isFloat := v.(float64); isFloat {
		ctx.AddError(notLiteral{})
	}
}

// notLiteral is the library's kind of error for that.
type notLiteral struct{}

func (notLiteral) KeywordPath() []string { return []string{"type"} }

func (notLiteral) LocalizedString(*message.Printer) string {
	return "must be an integer, written without point and exponent"
}
