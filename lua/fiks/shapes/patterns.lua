--- The named patterns of the message shapes. Data: `regex` is what the published specs say, `class`
--- (and `letters` outside ASCII) or `any` is the same for Lua, where every match is of the whole
--- text: a line break at the end is refused, and letters are code points, not bytes.

local digits = "%d"

return {
  -- display names, eksternRef: "pattern N"
  navn = {
    regex = "^[A-Za-zæøåÆØÅ0-9_.,/\\-_ ]+$",
    class = "A-Za-z0-9_.,/%- ",
    letters = "æøåÆØÅ",
    says = "letters A to Å, digits, space and _ . , / -",
  },
  -- ids of organisational units: "pattern E"
  enhet = {
    regex = "^[0-9A-ZÆØÅa-zæøå_\\-]+$",
    class = "A-Za-z0-9_%-",
    letters = "æøåÆØÅ",
    says = "letters A to Å, digits, _ and -",
  },
  eksponert = {
    regex = "^[0-9]{11}$|^[0-9]{9}$",
    any = { digits:rep(11), digits:rep(9) },
    says = "11 digits (a person) or 9 digits (an organisation), and nothing else",
  },
  korrelasjon = {
    regex = "^[A-Za-z0-9\\-]+$",
    class = "A-Za-z0-9%-",
    letters = "",
    says = "letters A to Z, digits and -",
  },
  siffer = { regex = "^[0-9]+$", any = { "%d+" }, says = "digits only" },
  siffer4 = { regex = "^\\d{4}$", any = { digits:rep(4) }, says = "four digits" },
  siffer9 = { regex = "^[0-9]{9}$", any = { digits:rep(9) }, says = "nine digits" },
  siffer11 = { regex = "^[0-9]{11}$", any = { digits:rep(11) }, says = "eleven digits" },
  siffer1til6 = {
    regex = "^[0-9]{1,6}$",
    any = { "%d%d?%d?%d?%d?%d?" },
    says = "one to six digits",
  },
  matrikkel = {
    regex = "^[0-9]{4}-[0-9]+/[0-9]+/[0-9]+/[0-9]+$",
    any = { "%d%d%d%d%-%d+/%d+/%d+/%d+" },
    says = "kommunenummer-gardsnummer/bruksnummer/festenummer/seksjonsnummer",
  },
  mime = {
    regex = "^\\w+/[-.\\w]+(?:\\+[-.\\w]+)?$",
    any = {
      "[A-Za-z0-9_]+/[-.A-Za-z0-9_]+",
      "[A-Za-z0-9_]+/[-.A-Za-z0-9_]+%+[-.A-Za-z0-9_]+",
    },
    says = "type/subtype, such as application/pdf",
  },
}
