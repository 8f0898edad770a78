# Prints what of the input breaks $schema[0]: the part of JSON Schema that kubernetes.schema.json uses.
# Members without a schema are refused; "values" is the schema of every member.
def broken($schema; $path):
  . as $value
  | (if $schema.type == null then empty
     elif $schema.type == "integer" then
       (if type == "number" and . == floor then empty else "\($path): no integer" end)
     elif type == $schema.type then empty
     else "\($path): \(type), not \($schema.type)" end),
    (if $schema.enum == null or any($schema.enum[]; . == $value) then empty
     else "\($path): \($value) is none of \($schema.enum)" end),
    (if $schema.minimum != null and type == "number" and . < $schema.minimum then
       "\($path): \($value) is below \($schema.minimum)"
     else empty end),
    (if type == "object" then
       (($schema.required // [])[] | select($value[.] == null) | "\($path): no \(.)"),
       (keys[] as $key
        | ($schema.values // $schema.properties[$key]) as $own
        | if $own == null then "\($path): what is \($key)?"
          else $value[$key] | broken($own; "\($path).\($key)") end)
     elif type == "array" then
       (keys[] as $index | $value[$index] | broken($schema.items; "\($path)[\($index)]"))
     else empty end);
broken($schema[0]; "")
