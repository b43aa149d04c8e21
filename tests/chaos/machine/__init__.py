"""One machine, broken in every way: a seeded schedule of faults, senders, and a judge.

    make chaos MINUTES=30 SEED=7      the long run
    make faults                       three minutes, and the controls

Reading order: schedule (what is done when, drawn from the seed), requests (what is sent), journal
(what senders write down before and after each request), load (the senders), proxy, stores and
machine (what is broken), faults (how), trial (the order of a run), replay (the same events in
quiet), judge (what came of it). Imports nothing of the product.
"""
