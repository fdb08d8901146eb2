"""Shows that every exercise is fair: right answers pass, wrong ones fail with the message they need, slips are noticed.

bank      reads a unit's answers.yaml: other right answers, and wrong ones that people really give
mutants   makes slips in a model answer
"""
