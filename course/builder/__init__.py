"""From unit text to notebooks: course/units/NN/*.md -> solutions/NN/*.ipynb -> notebooks/NN/*.ipynb.

source    reads a unit's text
rules     holds it to the rules of a unit, naming file and line
expand    writes the solution notebook: nbgrader's metadata, numbers, marks, outcomes
execute   runs a notebook, in a kernel of its own
outputs   holds what it printed and drew to the rules of outputs
release   takes the answers out, with nbgrader
compare   what differs between two trees, and what gives an answer away
build     puts these together, for the units that changed
"""
