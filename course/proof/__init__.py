"""Shows that every exercise is fair: right answers pass, wrong ones fail with the message they need, slips are noticed.

bank        reads a unit's answers.yaml: other right answers, and wrong ones that people really give
mutants     makes slips in a model answer
hidden      finds the hidden checks of a check, and writes it anew without one
hardcoded   an answer that knows the visible check and nothing else
eastmeres   other data, on which an assessment has to hold as well
prove       tries all of them in the engine        results   what came of it
judge       what falls short of the standard       report    a table, JSON, a page
"""
