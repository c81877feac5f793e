package dev.millrace.gguf;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFile;
import dev.millrace.model.Sha256;
import dev.millrace.model.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A GGUF file (version 2 or 3, little-endian), mapped into memory. Shared between threads. */
public final class GgufFile implements ModelFile {
  private final String name;
  private final MemorySegment bytes;
  private final Arena arena;
  private final GgufParser.Parsed parsed;
  private @Nullable String fingerprint;

  private GgufFile(String name, MemorySegment bytes, Arena arena) {
    this.name = name;
    this.bytes = bytes;
    this.arena = arena;
    this.parsed = new GgufParser(name, bytes).parse();
  }

  /**
   * Maps a file and reads its header.
   *
   * @throws IOException if it can't be read
   * @throws dev.millrace.model.ModelFormatException if it isn't a GGUF file that we can use
   */
  public static GgufFile open(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw new IOException(path + (Files.exists(path) ? " isn't a file" : " doesn't exist"));
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new GgufFile(path.getFileName().toString(), bytes, arena);
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** Reads a file that is in memory already. Closing it leaves that memory alone. */
  public static GgufFile of(String name, MemorySegment bytes) {
    return new GgufFile(name, bytes.asReadOnly(), Arena.ofShared());
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Metadata metadata() {
    return parsed.metadata();
  }

  @Override
  public Map<String, TensorData> tensors() {
    return parsed.tensors();
  }

  /**
   * Computed by the first call, which reads the whole file (about a second per GB) while others
   * wait: a server asks once before it serves. Not kept on disk: a stale or forged note of a file's
   * hash would be worse than reading a file that the weights' loading reads anyway.
   */
  @Override
  public synchronized String fingerprint() {
    if (fingerprint == null) {
      fingerprint = Sha256.of(bytes);
    }
    return fingerprint;
  }

  @Override
  public void close() {
    arena.close();
  }
}
