package dev.millrace.tokenizer;

import com.google.gson.Gson;
import dev.millrace.gguf.GgufFile;
import dev.millrace.model.DefaultModel;
import dev.millrace.model.Metadata;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Assumptions;

/** Vocabularies and expected ids that we did not make. */
final class VocabularyFiles {
  private static final Path SHARED = Path.of("../../shared/data/vocab");
  private static final Gson GSON = new Gson();
  private static final Map<Path, Tokenizer> OPENED = new ConcurrentHashMap<>();

  private VocabularyFiles() {}

  /** A text and what it encodes to, without BOS. */
  record Example(String text, int[] ids) {}

  static Tokenizer shared(String name) {
    return open(present(SHARED.resolve(name)));
  }

  static Example[] sharedExamples(String name) {
    try (Reader reader = Files.newBufferedReader(present(SHARED.resolve(name)))) {
      return GSON.fromJson(reader, Example[].class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Example[] examples(String resource) {
    try (Reader reader = new InputStreamReader(resource(resource), StandardCharsets.UTF_8)) {
      return GSON.fromJson(reader, Example[].class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Tokenizer defaultModel() {
    return open(DefaultModel.orSkip());
  }

  private static Tokenizer open(Path path) {
    return OPENED.computeIfAbsent(path, VocabularyFiles::read);
  }

  private static Tokenizer read(Path path) {
    try (GgufFile file = GgufFile.open(path)) {
      return Tokenizers.from(file.metadata());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path present(Path path) {
    Assumptions.assumeTrue(Files.exists(path), () -> "no " + path.toAbsolutePath().normalize());
    return path;
  }

  /**
   * GPT-2's vocabulary, as JTokkit carries it: bytes in order of rank, which is the id. A token's
   * merge is what is left of it in two parts when only lower ranks may merge.
   */
  static Metadata gpt2() {
    List<String> tokens = new ArrayList<>();
    Map<String, Integer> ranks = new HashMap<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                resource("/com/knuddels/jtokkit/r50k_base.tiktoken"), StandardCharsets.UTF_8))) {
      lines
          .lines()
          .map(line -> Base64.getDecoder().decode(line.substring(0, line.indexOf(' '))))
          .map(Utf8::key)
          .forEach(
              key -> {
                ranks.put(key, tokens.size());
                tokens.add(key);
              });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    List<String> merges = new ArrayList<>();
    for (int rank = 256; rank < tokens.size(); rank++) {
      List<String> parts = parts(tokens.get(rank), rank, ranks);
      if (parts.size() != 2) {
        throw new IllegalStateException("token " + rank + " is no merge of two: " + parts);
      }
      merges.add(spell(parts.get(0)) + " " + spell(parts.get(1)));
    }
    List<String> spelled = new ArrayList<>(tokens.stream().map(VocabularyFiles::spell).toList());
    spelled.add("<|endoftext|>");
    int[] types = new int[spelled.size()];
    Arrays.fill(types, 1);
    types[types.length - 1] = 3;
    return new Metadata(
        Map.of(
            "tokenizer.ggml.model",
            "gpt2",
            "tokenizer.ggml.pre",
            "gpt-2",
            "tokenizer.ggml.tokens",
            spelled,
            "tokenizer.ggml.token_type",
            types,
            "tokenizer.ggml.merges",
            merges,
            "tokenizer.ggml.eos_token_id",
            50256L));
  }

  private static List<String> parts(String token, int below, Map<String, Integer> ranks) {
    List<String> parts = new ArrayList<>(token.chars().mapToObj(c -> "" + (char) c).toList());
    while (true) {
      int best = -1;
      int bestRank = below;
      for (int i = 0; i + 1 < parts.size(); i++) {
        int rank = ranks.getOrDefault(parts.get(i) + parts.get(i + 1), below);
        if (rank < bestRank) {
          best = i;
          bestRank = rank;
        }
      }
      if (best < 0) {
        return parts;
      }
      parts.set(best, parts.get(best) + parts.remove(best + 1));
    }
  }

  /** Bytes (one a char) in the files' alphabet. */
  static String spell(String bytes) {
    StringBuilder text = new StringBuilder();
    bytes.chars().forEach(b -> text.append(ALPHABET.charAt(b)));
    return text.toString();
  }

  static final String ALPHABET = alphabet();

  private static String alphabet() {
    StringBuilder letters = new StringBuilder();
    char standIn = 0x100;
    for (char b = 0; b < 256; b++) {
      boolean visible = (b >= '!' && b <= '~') || (b >= '¡' && b <= '¬') || (b >= '®' && b <= 'ÿ');
      letters.append(visible ? b : standIn++);
    }
    return letters.toString();
  }

  private static InputStream resource(String name) {
    InputStream found = VocabularyFiles.class.getResourceAsStream(name);
    if (found == null) {
      throw new IllegalStateException("no resource " + name);
    }
    return found;
  }
}
