"""One cell of each kind: one state and several, of other sizes, in blocks; products that wait for each other, and none;
normalisations, made matrices, fixed parameters, clocks, time steps, scans.

For tests of what stands around a cell. What a cell itself must keep, the conformance kit asks of every page.
"""

from unspool.cells import built_in

KINDS = {
    name: built_in()[name]
    for name in (
        *("clockwork", "cornn", "ctrnn", "elman", "exprnn", "gru", "gru_reset_before", "indrnn", "lem", "lmu", "lstm"),
        *("lstm_layernorm", "lstm_projection", "mingru", "qrnn", "slstm"),
    )
}
