package dev.millrace.synthetic;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A byte-level vocabulary of any size from 258 up: token i is byte i for i below 256, then come BOS
 * and EOS, then words that no text is encoded to, since there are no merges, but that show when
 * they are generated.
 */
final class ByteVocabulary {
  static final int BOS = 256;
  static final int EOS = 257;

  private static final int NORMAL = 1;
  private static final int CONTROL = 3;

  /** Each message in a line of its own, ended by EOS. */
  private static final String CHAT_TEMPLATE =
      "{{ bos_token }}{% for message in messages %}"
          + "{{ message.role }}: {{ message.content }}{{ eos_token }}\n"
          + "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";

  private ByteVocabulary() {}

  static void describe(int size, Map<String, Object> metadata) {
    metadata.put("tokenizer.ggml.model", "gpt2");
    metadata.put("tokenizer.ggml.pre", "gpt-2");
    metadata.put("tokenizer.ggml.tokens", tokens(size));
    metadata.put("tokenizer.ggml.token_type", types(size));
    metadata.put("tokenizer.ggml.merges", List.of());
    metadata.put("tokenizer.ggml.bos_token_id", (long) BOS);
    metadata.put("tokenizer.ggml.eos_token_id", (long) EOS);
    metadata.put("tokenizer.ggml.add_bos_token", true);
    metadata.put("tokenizer.chat_template", CHAT_TEMPLATE);
  }

  private static List<String> tokens(int size) {
    List<String> tokens = new ArrayList<>(size);
    tokens.addAll(bytes());
    tokens.add("<|bos|>");
    tokens.add("<|eos|>");
    while (tokens.size() < size) {
      tokens.add("Ġw" + tokens.size()); // Ġ is the byte alphabet's space
    }
    return tokens;
  }

  private static int[] types(int size) {
    int[] types = new int[size];
    Arrays.fill(types, NORMAL);
    types[BOS] = CONTROL;
    types[EOS] = CONTROL;
    return types;
  }

  /**
   * GPT-2's alphabet for bytes: visible Latin-1 characters stand for themselves, the others, in
   * order, for characters from U+0100 up.
   */
  private static List<String> bytes() {
    List<String> bytes = new ArrayList<>();
    int next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean visible = b >= '!' && b <= '~' || b >= 0xA1 && b != 0xAD;
      bytes.add(Character.toString(visible ? b : next++));
    }
    return bytes;
  }
}
