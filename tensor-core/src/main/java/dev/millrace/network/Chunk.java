package dev.millrace.network;

import dev.millrace.kv.BlockTable;

/**
 * Consecutive tokens of one sequence in a ragged step: a prefill chunk, or a decode row when there
 * is one.
 *
 * @param tokens where the ids are; this chunk is tokens[from .. from+count)
 * @param position of the first one in its sequence
 * @param blocks holds room for all positions up to position + count − 1
 * @param logitRows how many of the chunk's last rows want logits: 0 in the middle of a prompt, 1 at
 *     its end
 */
public record Chunk(
    int[] tokens, int from, int count, int position, BlockTable blocks, int logitRows) {}
