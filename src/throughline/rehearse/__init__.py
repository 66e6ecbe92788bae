"""The talking points against a clock: a teleprompter, follow-up questions, and what is remembered of both.

`script` and `reading` are the talk and the place in it, without a screen; `app` shows them in a terminal, `page` in a
browser, `printed` on paper. `store` keeps times and grades, `schedule` says what is due, `history` tells both.
"""
