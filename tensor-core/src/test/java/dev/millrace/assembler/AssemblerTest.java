package dev.millrace.assembler;

import static dev.millrace.assembler.Vec.xmm;
import static dev.millrace.assembler.Vec.ymm;
import static dev.millrace.assembler.Vec.zmm;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every instruction that the assembler knows, with many operands, against GNU as, byte by byte. */
class AssemblerTest {
  private static final int FORMS = 60;
  private static final long SEED = 20260101;

  @TempDir Path folder;

  private final Random random = new Random(SEED);

  /** One instruction, as we encode it and as GNU as is told. */
  private record Case(String intel, byte[] ours) {}

  @Test
  void everyInstructionHasTheBytesThatGnuAsGivesIt() throws Exception {
    assumeTrue(gnuAsIsThere(), "GNU as isn't installed: encodings not checked");
    List<Case> cases = new ArrayList<>();
    Set<String> methods = new TreeSet<>();
    for (Method method : Assembler.class.getDeclaredMethods()) {
      boolean instruction =
          Modifier.isPublic(method.getModifiers())
              && !method.isSynthetic()
              && !Set.of("code", "size", "bind", "jmp", "jcc").contains(method.getName());
      if (instruction) {
        methods.add(method.getName());
        for (int i = 0; i < FORMS; i++) {
          Case made = make(method);
          if (made != null) {
            cases.add(made);
          }
        }
      }
    }
    assertThat(methods).hasSizeGreaterThan(70);
    List<byte[]> theirs = assemble(cases.stream().map(Case::intel).toList());
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < cases.size(); i++) {
      String ours = HexFormat.of().formatHex(cases.get(i).ours());
      String gnu = HexFormat.of().formatHex(theirs.get(i));
      if (!ours.equals(gnu)) {
        wrong.add(cases.get(i).intel() + ": ours " + ours + ", GNU as " + gnu);
      }
    }
    assertThat(wrong).isEmpty();
  }

  /** The instruction with random operands; null where the operands have no encoding. */
  private Case make(Method method) throws ReflectiveOperationException {
    Object[] arguments = new Object[method.getParameterCount()];
    List<String> texts = new ArrayList<>();
    Shape shape = Shape.of(method.getName());
    Vec.Width width = shape.widths[random.nextInt(shape.widths.length)];
    boolean masked = random.nextInt(4) == 0;
    boolean toMemory = method.getName().matches("vextract.*|vcvtps2ph");
    int vector = 0;
    for (int i = 0; i < arguments.length; i++) {
      Class<?> type = method.getParameterTypes()[i];
      boolean last = i == arguments.length - 1 || method.getParameterTypes()[i + 1] == int.class;
      if (type == Gp.class) {
        Gp r = Gp.values()[random.nextInt(16)];
        arguments[i] = r;
        boolean narrow = method.getName().equals("kmovw") || method.getName().equals("mov32");
        texts.add(narrow ? name32(r) : r.name().toLowerCase(Locale.ROOT));
      } else if (type == Mask.class) {
        Mask k = Mask.values()[random.nextInt(8)];
        arguments[i] = k;
        texts.add(k.name().toLowerCase(Locale.ROOT));
      } else if (type == int.class) {
        arguments[i] = shape.immediates[random.nextInt(shape.immediates.length)];
        texts.add(arguments[i].toString());
      } else if (type == long.class) {
        arguments[i] = random.nextBoolean() ? random.nextInt() : random.nextLong() | 1L << 40;
        texts.add(arguments[i].toString());
      } else if (type == Mem.class || type == VecOrMem.class && random.nextBoolean()) {
        boolean broadcast = shape.broadcasts && type == VecOrMem.class && random.nextInt(3) == 0;
        Mem m = memory(broadcast);
        arguments[i] = m;
        texts.add(text(m, shape.memory(), width));
      } else {
        Vec.Width seen =
            shape.narrows(toMemory ? i == 0 : last && i > 0) ? shape.narrow(width) : width;
        boolean high = shape.evex && random.nextInt(3) == 0;
        Vec v = new Vec(random.nextInt(high ? 32 : 16), seen, Mask.K0, false);
        if (vector++ == 0 && masked && shape.masks) {
          Mask k = Mask.values()[1 + random.nextInt(7)];
          boolean zeroing = method.getParameterTypes()[0] != Mem.class && random.nextBoolean();
          v = zeroing ? v.maskedZeroing(k) : v.masked(k);
        }
        arguments[i] = v;
        texts.add(text(v));
      }
    }
    return encode(method, arguments, texts);
  }

  private Case encode(Method method, Object[] arguments, List<String> texts)
      throws ReflectiveOperationException {
    Assembler assembler = new Assembler();
    try {
      method.invoke(assembler, arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof IllegalArgumentException) {
        return null;
      }
      throw e;
    }
    String mnemonic =
        switch (method.getName()) {
          case "mov32" -> "mov";
          default -> method.getName();
        };
    // A masked store's mask belongs to its destination in Intel's syntax.
    if (arguments.length == 2
        && arguments[0] instanceof Mem
        && arguments[1] instanceof Vec v
        && v.mask() != Mask.K0) {
      texts.set(0, texts.get(0) + "{" + v.mask().name().toLowerCase(Locale.ROOT) + "}");
      texts.set(1, text(new Vec(v.number(), v.width(), Mask.K0, false)));
    }
    if (mnemonic.equals("vcvtps2ph")) {
      texts.add("0");
    }
    // GNU as would choose AVX-VNNI for vpdp*, another CPU feature, and turn vmovups round to save a
    // byte.
    String hint =
        mnemonic.startsWith("vpdp")
            ? "{evex} "
            : mnemonic.equals("vmovups") && arguments[0] instanceof Vec ? "{load} " : "";
    return new Case(hint + mnemonic + " " + String.join(", ", texts), assembler.code());
  }

  private Mem memory(boolean broadcast) {
    Gp base = Gp.values()[random.nextInt(16)];
    Gp index = random.nextBoolean() ? null : Gp.values()[random.nextInt(16)];
    int[] displacements = {
      0, 4, 8, -4, 32, 64, 128, -128, 127, -64, 1024, 4096, 8128, -8192, 12345, 1 << 20
    };
    return new Mem(
        base,
        index == Gp.RSP ? null : index,
        index == Gp.RSP || index == null ? 1 : 1 << random.nextInt(4),
        displacements[random.nextInt(displacements.length)],
        broadcast);
  }

  private static String text(Mem m, String size, Vec.Width width) {
    String where = "[" + m.base().name().toLowerCase(Locale.ROOT);
    if (m.index() != null) {
      where += "+" + m.index().name().toLowerCase(Locale.ROOT) + "*" + m.scale();
    }
    where += (m.displacement() < 0 ? "" : "+") + m.displacement() + "]";
    return m.broadcast() ? "dword ptr " + where + "{1to" + width.bytes() / 4 + "}" : size + where;
  }

  private static String text(Vec v) {
    String k = v.mask() == Mask.K0 ? "" : "{" + v.mask().name().toLowerCase(Locale.ROOT) + "}";
    return v.width().name().toLowerCase(Locale.ROOT) + v.number() + k + (v.zeroing() ? "{z}" : "");
  }

  private static String name32(Gp r) {
    return r.ordinal() > 7
        ? "r" + r.ordinal() + "d"
        : "e" + r.name().substring(1).toLowerCase(Locale.ROOT);
  }

  /** What operands an instruction takes, where that isn't plain from the method's signature. */
  private record Shape(
      Vec.Width[] widths,
      boolean evex,
      boolean broadcasts,
      boolean masks,
      int narrowing,
      Integer[] immediates,
      String memory) {
    static Shape of(String mnemonic) {
      Vec.Width[] all = Vec.Width.values();
      Vec.Width[] noZmm = {Vec.Width.XMM, Vec.Width.YMM};
      Integer[] bytes = {0, 1, 7, 15};
      Integer[] wide = {0, 1, -1, 127, 128, -128, 4096, 1 << 20};
      return switch (mnemonic) {
        case "vmovss" ->
            new Shape(new Vec.Width[] {Vec.Width.XMM}, true, false, false, 1, bytes, "dword ptr ");
        case "vmovups" -> new Shape(all, true, false, true, 1, bytes, "");
        case "vbroadcastss" ->
            new Shape(
                new Vec.Width[] {Vec.Width.YMM, Vec.Width.ZMM},
                true,
                false,
                true,
                -1,
                bytes,
                "dword ptr ");
        case "vpbroadcastd" -> new Shape(all, true, false, true, -1, bytes, "dword ptr ");
        case "vpbroadcastw" -> new Shape(all, true, false, true, -1, bytes, "word ptr ");
        case "vpaddw",
            "vpsubw",
            "vpmullw",
            "vpmaddwd",
            "vpmaddubsw",
            "vpabsb",
            "vpshufb",
            "vpacksswb" ->
            new Shape(all, true, false, true, 1, bytes, "");
        case "vpand", "vpor", "vpxor", "vpsignb" ->
            new Shape(noZmm, false, false, false, 1, bytes, "");
        case "vpsrlw", "vpsraw", "vpsllw", "vpsrld", "vpsrad", "vpslld" ->
            new Shape(all, true, false, true, 1, bytes, "");
        case "vcvtph2ps", "vpmovzxbw", "vpmovsxbw", "vpmovzxwd", "vpmovsxwd" ->
            new Shape(all, true, false, true, 2, bytes, "");
        case "vpmovzxbd", "vpmovsxbd" -> new Shape(all, true, false, true, 4, bytes, "");
        case "vcvtps2ph" -> new Shape(all, true, false, false, 2, bytes, "");
        case "vroundps", "vblendvps" -> new Shape(noZmm, false, false, false, 1, bytes, "");
        case "vcmpps" -> new Shape(all, true, false, false, 1, bytes, "");
        case "vperm2f128" ->
            new Shape(new Vec.Width[] {Vec.Width.YMM}, false, false, false, 1, bytes, "");
        case "vpextrw" ->
            new Shape(
                new Vec.Width[] {Vec.Width.XMM},
                true,
                false,
                false,
                1,
                new Integer[] {0, 7},
                "word ptr ");
        case "vpextrd" ->
            new Shape(
                new Vec.Width[] {Vec.Width.XMM},
                true,
                false,
                false,
                1,
                new Integer[] {0, 3},
                "dword ptr ");
        case "vextractf128" ->
            new Shape(
                new Vec.Width[] {Vec.Width.YMM}, false, false, false, 2, new Integer[] {0, 1}, "");
        case "vextractf64x4" ->
            new Shape(
                new Vec.Width[] {Vec.Width.ZMM}, true, false, false, 2, new Integer[] {0, 1}, "");
        case "mov32", "movsxd" -> new Shape(all, false, false, false, 1, wide, "dword ptr ");
        case "mov", "lea" -> new Shape(all, false, false, false, 1, wide, "qword ptr ");
        case "prefetcht0", "prefetcht1" -> new Shape(all, false, false, false, 1, wide, "");
        case "shl", "shr" ->
            new Shape(all, false, false, false, 1, new Integer[] {2, 5, 31, 63}, "");
        case "add", "sub", "cmp", "and" -> new Shape(all, false, false, false, 1, wide, "");
        default -> new Shape(all, true, true, true, 1, bytes, "");
      };
    }

    boolean narrows(boolean narrowOperand) {
      return narrowOperand && narrowing != 1;
    }

    Vec.Width narrow(Vec.Width width) {
      int bytes = narrowing < 0 ? 16 : Math.max(16, width.bytes() / narrowing);
      return bytes == 16 ? Vec.Width.XMM : bytes == 32 ? Vec.Width.YMM : Vec.Width.ZMM;
    }
  }

  @Test
  void jumpsReachLabelsBehindAndAhead() throws Exception {
    assumeTrue(gnuAsIsThere(), "GNU as isn't installed: jumps not checked");
    Assembler a = new Assembler();
    Label top = new Label();
    Label end = new Label();
    a.bind(top);
    a.sub(Gp.RCX, 1);
    a.jcc(Assembler.Condition.EQUAL, end);
    a.jmp(top);
    a.bind(end);
    a.ret();
    // .d32: GNU as would choose short forms, which we don't have.
    String text = "top: sub rcx, 1\n je.d32 end\n jmp.d32 top\n end: ret";
    assertThat(a.code()).isEqualTo(assemble(List.of(text)).getFirst());
  }

  @Test
  void aJumpToALabelThatIsNeverBoundIsRefused() {
    Assembler a = new Assembler();
    a.jmp(new Label());
    assertThatThrownBy(a::code)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("never bound");
  }

  @Test
  void operandsWithoutEncodingAreRefused() {
    Assembler a = new Assembler();
    assertThatThrownBy(() -> Gp.RAX.at(Gp.RSP, 1, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Gp.RAX.at(Gp.RBX, 3, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> xmm(32)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> a.vroundps(zmm(0), zmm(1), 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> a.vaddps(ymm(0), zmm(1), ymm(2)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private boolean gnuAsIsThere() throws InterruptedException {
    try {
      return new ProcessBuilder("as", "--version")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException absent) {
      return false;
    }
  }

  /**
   * Bytes of each text; every text is followed by a mark that can't be part of an instruction's
   * bytes here.
   */
  private List<byte[]> assemble(List<String> texts) throws IOException, InterruptedException {
    StringBuilder source = new StringBuilder(".intel_syntax noprefix\n");
    StringBuilder sizes = new StringBuilder(".section .sizes\n");
    for (int i = 0; i < texts.size(); i++) {
      source
          .append("b")
          .append(i)
          .append(": ")
          .append(texts.get(i))
          .append("\ne")
          .append(i)
          .append(":\n");
      sizes.append(".long e").append(i).append("-b").append(i).append('\n');
    }
    Path in = Files.writeString(folder.resolve("in.s"), source.toString() + sizes);
    Path object = folder.resolve("out.o");
    run("as", "--64", "-o", object.toString(), in.toString());
    byte[] code = section(object, ".text");
    byte[] lengths = section(object, ".sizes");
    List<byte[]> result = new ArrayList<>();
    int at = 0;
    for (int i = 0; i < texts.size(); i++) {
      int length = lengths[4 * i] & 0xFF;
      result.add(java.util.Arrays.copyOfRange(code, at, at + length));
      at += length;
    }
    return result;
  }

  private byte[] section(Path object, String name) throws IOException, InterruptedException {
    Path out = folder.resolve("section.bin");
    run(
        "objcopy",
        "-O",
        "binary",
        "--only-section=" + name,
        "--set-section-flags",
        name + "=alloc,load,contents",
        object.toString(),
        out.toString());
    return Files.readAllBytes(out);
  }

  private void run(String... command) throws IOException, InterruptedException {
    Path log = folder.resolve("log.txt");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    assertThat(process.waitFor()).as(() -> String.join(" ", command) + "\n" + read(log)).isZero();
  }

  private static String read(Path file) {
    try {
      String text = Files.readString(file);
      return text.substring(0, Math.min(text.length(), 4000));
    } catch (IOException e) {
      return e.toString();
    }
  }
}
