"""How a peer is asked: a line on stdin, lines of JSON and "done" as its answer; "failed" where something was raised."""
import json
import os
import sys
import traceback


def serve(answers):
    """`answers`: verb → function of the line's other words, which returns what becomes JSON."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    for line in sys.stdin:
        verb, *words = line.split()
        try:
            said = json.dumps(answers[verb](*words)) + "\ndone\n"
        except Exception:
            traceback.print_exc()
            said = "failed\n"
        replies.write(said)
        replies.flush()
