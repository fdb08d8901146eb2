// The theme draws its icons with a script of 1.5 MB, and its style sheet draws the same icons from a font. The font is enough.
