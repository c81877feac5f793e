package dev.millrace.tokenizer;

import dev.millrace.model.ModelFormatException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How a byte-level BPE's text is cut into words before merging, by the name in {@code
 * tokenizer.ggml.pre}, with what else that name decides.
 *
 * @param ignoreMerges a word that is a token is that token, whatever the merges say
 * @param addBos whether BOS goes in front when the file doesn't say
 */
record PreTokenizer(Splitter splitter, boolean ignoreMerges, boolean addBos) {
  /** What the field falls back to for files made before the key existed. */
  static final String DEFAULT = "default";

  private static final Map<String, PreTokenizer> BY_NAME = new LinkedHashMap<>();

  static {
    Splitter gpt2 = Splitters::gpt2;
    Splitter triples = Splitters::threeDigits;
    Splitter threeDigits = Splitters.gpt4(3, CharacterClass.LETTER);
    Splitter oneDigit = Splitters.gpt4(1, CharacterClass.LETTER);
    Splitter withMarks = Splitters.gpt4(1, CharacterClass.LETTER | CharacterClass.MARK);
    Splitter numbersApart = Splitters::eachNumber;
    Splitter numberRuns = Splitters::numbers;

    add(
        Splitters.punctuation("$+<=>^~|").then(gpt2).then(numberRuns).then(triples),
        false,
        false,
        DEFAULT);
    add(gpt2, false, false, "gpt-2", "phi-2", "mpt", "olmo", "jais", "exaone4", "mellum");
    add(gpt2, false, false, "trillion", "granite-docling", "gigachat", "a.x-4.0");
    add(numbersApart.then(gpt2), false, false, "smollm", "starcoder", "refact", "command-r");
    add(numbersApart.then(gpt2), false, false, "codeshell", "exaone", "minerva-7b", "mellum2");
    add(Splitters.punctuation("$+<=>^~|`").then(gpt2).then(triples), false, false, "falcon");
    add(threeDigits, true, true, "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1");
    add(threeDigits, true, true, "pixtral", "midm-2.0", "lfm2");
    add(threeDigits, false, false, "dbrx", "smaug-bpe", "chatglm-bpe");
    add(threeDigits, true, false, "glm4");
    add(oneDigit, false, false, "qwen2", "deepseek-r1-qwen", "kormo", "megrez", "stablelm2");
    add(oneDigit, false, false, "hunyuan", "solar-open", "grok-2");
    add(withMarks, false, false, "qwen35");
  }

  private static void add(
      Splitter splitter, boolean ignoreMerges, boolean addBos, String... names) {
    for (String name : names) {
      BY_NAME.put(name, new PreTokenizer(splitter, ignoreMerges, addBos));
    }
  }

  static PreTokenizer named(String name) {
    PreTokenizer found = BY_NAME.get(name);
    if (found == null) {
      throw new ModelFormatException(
          "metadata key tokenizer.ggml.pre: unknown pre-tokenizer "
              + Vocabulary.quote(name)
              + "; known are "
              + String.join(", ", BY_NAME.keySet()));
    }
    return found;
  }
}
