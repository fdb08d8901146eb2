"""What the codes of the apprenticeship are about: the Level 4 Data Analyst standard, ST0118.

Topics in a few words of the course's own, and not the standard's wording, which was read through a third party alone:
whoever needs that takes it from the standard.
"""

STANDARD = "the Level 4 Data Analyst apprenticeship (standard ST0118)"
CAVEAT = "Beside each code is what it is about, in this course's words: the wording is the standard's."
ABOUT = {
    "K1": "legislation",
    "K2": "security of data",
    "K3": "the data life cycle",
    "K4": "open, administrative and research data",
    "K5": "structured and unstructured data",
    "K6": "databases",
    "K7": "users and their field",
    "K8": "risks to quality",
    "K9": "requirements",
    "K10": "combining sources",
    "K11": "tools and methods",
    "K12": "data architecture",
    "K13": "statistics",
    "K14": "describing, predicting, prescribing",
    "K15": "ethics",
    "S1": "secure use of data",
    "S2": "the data life cycle",
    "S3": "classifying data",
    "S4": "data structures",
    "S5": "effects on users",
    "S6": "quality of data",
    "S7": "requirements",
    "S8": "sources of data",
    "S9": "data architecture",
    "S10": "statistics",
    "S11": "prediction",
    "S12": "communication",
    "S13": "analytical techniques",
    "S14": "tables and charts",
    "S15": "choosing tools",
    "B1": "professional work",
    "B2": "initiative",
    "B3": "working alone and together",
    "B4": "logical thinking",
    "B5": "finding causes",
    "B6": "resilience",
    "B7": "adapting",
}


def about(code: str) -> str:
    """What a code is about; "" for one that the standard has not."""
    return ABOUT.get(code, "")
