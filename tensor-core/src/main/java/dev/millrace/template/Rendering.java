package dev.millrace.template;

import java.util.BitSet;

/**
 * A rendered conversation.
 *
 * @param byTemplate which of the text's UTF-16 units the template itself wrote; the others come
 *     from the conversation. Not to be changed
 */
public record Rendering(String text, BitSet byTemplate) {}
