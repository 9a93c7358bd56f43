#!/usr/bin/env python3
"""Writes the list of the passwords that most people choose, out of the one that zxcvbn has.

    python3 -m venv .cache/zxcvbn && .cache/zxcvbn/bin/pip install zxcvbn==4.5.0
    .cache/zxcvbn/bin/python scripts/common_passwords.py

zxcvbn counted them in lists of passwords that were stolen from sites and published. What is shorter than any
pool's policy allows is left out.
"""

from pathlib import Path

from zxcvbn.frequency_lists import FREQUENCY_LISTS

LIST = Path(__file__).resolve().parent.parent / "crates/keyward-core/src/local_pool/common_passwords.txt"
COUNT = 10_000
SHORTEST = 6
HEAD = f"""\
# The {COUNT:,} commonest passwords of at least {SHORTEST} characters, in lower case, sorted by their bytes.
# Written by scripts/common_passwords.py; don't change it by hand.
# Source: zxcvbn 4.5.0, a package of Python; the first ones of its frequency list "passwords".
#
# Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.
# Copyright (c) 2016 Daniel Wolf
#
# Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
# documentation files (the "Software"), to deal in the Software without restriction, including without limitation
# the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
# to permit persons to whom the Software is furnished to do so, subject to the following conditions:
#
# The above copyright notice and this permission notice shall be included in all copies or substantial portions of
# the Software.
#
# THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
# THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
# AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
# CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
# IN THE SOFTWARE.

"""

common = dict.fromkeys(word.lower() for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST)
commonest = sorted(list(common)[:COUNT], key=str.encode)
assert len(commonest) == COUNT and all(word == word.strip() for word in commonest)
LIST.write_text(HEAD + "\n".join(commonest) + "\n", encoding="utf-8")
