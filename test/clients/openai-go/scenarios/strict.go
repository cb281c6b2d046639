package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3/packages/respjson"
	"github.com/openai/openai-go/v3/realtime"
)

// Fields in which the hosted service differs from the SDK's types (dev/harness/official-exceptions.ts).
var exceptions = readExceptions()

// mistyped is a field that the SDK declares as a string, although the document has an object.
const mistyped = "response.status_details"

func readExceptions() []string {
	var byDialect map[string][]string
	data, err := os.ReadFile(filepath.Join(os.Getenv("PARLEY_RECORDINGS"), "exceptions.json"))
	if err == nil {
		err = json.Unmarshal(data, &byDialect)
	}
	if err != nil {
		panic(err)
	}
	return byDialect["ga"]
}

// checkEvent fails on an event that the SDK does not know, on a field that it does not know, and on a value of
// another type, at any depth. The SDK itself reads all of them without an error.
func checkEvent(event realtime.RealtimeServerEventUnion) error {
	variant := event.AsAny()
	if variant == nil {
		return fmt.Errorf("the SDK does not know the event %s", event.Type)
	}
	if problems := problemsOf(reflect.ValueOf(variant), ""); len(problems) > 0 {
		return fmt.Errorf("%s: %s", event.Type, strings.Join(problems, "; "))
	}
	return nil
}

func problemsOf(value reflect.Value, path string) []string {
	var problems []string
	switch value.Kind() {
	case reflect.Slice:
		for i := range value.Len() {
			problems = append(problems, problemsOf(value.Index(i), path+"[]")...)
		}
	case reflect.Struct:
		if metadata := value.FieldByName("JSON"); !metadata.IsValid() {
			break
		} else if variants := variantsOf(value); len(variants) == 0 {
			problems = problemsOfObject(value, metadata, path)
		} else {
			// A union is sound if one of its variants is.
			problems = problemsOf(variants[0], path)
			for _, variant := range variants[1:] {
				if others := problemsOf(variant, path); len(others) < len(problems) {
					problems = others
				}
			}
		}
	}
	return problems
}

// variantsOf decodes the JSON of a union as each of its variants, which are the results of its methods As…. Objects
// can only be variants that are structs.
func variantsOf(union reflect.Value) []reflect.Value {
	raw, ok := union.Interface().(interface{ RawJSON() string })
	isObject := ok && strings.HasPrefix(raw.RawJSON(), "{")
	var variants []reflect.Value
	for i := range union.NumMethod() {
		name := union.Type().Method(i).Name
		if !strings.HasPrefix(name, "As") || name == "AsAny" {
			continue
		}
		variant := union.Method(i).Call(nil)[0]
		if isObject == (variant.Kind() == reflect.Struct) {
			variants = append(variants, variant)
		}
	}
	return variants
}

// problemsOfObject compares the fields of a decoded object with the SDK's metadata about them.
func problemsOfObject(value, metadata reflect.Value, path string) []string {
	var problems []string
	for i := range metadata.NumField() {
		name := metadata.Type().Field(i).Name
		if name == "ExtraFields" {
			for _, key := range metadata.Field(i).MapKeys() {
				if inner := join(path, key.String()); !slices.Contains(exceptions, inner) {
					problems = append(problems, "unknown field "+inner)
				}
			}
		}
		declared, found := value.Type().FieldByName(name)
		if !found {
			continue
		}
		field := metadata.Field(i).Interface().(respjson.Field)
		inner := join(path, declared.Tag.Get("json"))
		if raw := field.Raw(); raw != "" && raw != "null" && !field.Valid() && inner != mistyped {
			problems = append(problems, fmt.Sprintf("%s has another type: %s", inner, raw))
		}
		if field.Valid() {
			problems = append(problems, problemsOf(value.FieldByName(name), inner)...)
		}
	}
	return problems
}

func join(path, name string) string {
	return strings.TrimPrefix(path+"."+name, ".")
}
