// Drawing with WebGL2: the raster is a texture of whole numbers, windowed and coloured in one pass, so that a window
// of a 16-bit image costs nothing and no grey level is lost before it.

const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

// The rows of the canvas are counted from the bottom here and from the top everywhere else.
const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform usampler2D raster;
uniform sampler2D map;
uniform sampler2D ramp;
uniform sampler2D table;
uniform float rows;
uniform mat3x2 matrix;
uniform mat3x2 mapMatrix;
uniform int curve;
uniform vec2 line;
uniform bool inverted;
uniform float opacity;
out vec4 colour;

float between(vec2 at) {
  ivec2 last = textureSize(raster, 0) - 1;
  vec2 corner = floor(at - 0.5);
  vec2 share = at - 0.5 - corner;
  ivec2 low = clamp(ivec2(corner), ivec2(0), last);
  ivec2 high = clamp(ivec2(corner) + 1, ivec2(0), last);
  float upper = mix(float(texelFetch(raster, low, 0).r), float(texelFetch(raster, ivec2(high.x, low.y), 0).r), share.x);
  float lower = mix(float(texelFetch(raster, ivec2(low.x, high.y), 0).r), float(texelFetch(raster, high, 0).r), share.x);
  return mix(upper, lower, share.y);
}

float betweenMap(vec2 at) {
  ivec2 last = textureSize(map, 0) - 1;
  vec2 corner = floor(at - 0.5);
  vec2 share = at - 0.5 - corner;
  ivec2 low = clamp(ivec2(corner), ivec2(0), last);
  ivec2 high = clamp(ivec2(corner) + 1, ivec2(0), last);
  float upper = mix(texelFetch(map, low, 0).r, texelFetch(map, ivec2(high.x, low.y), 0).r, share.x);
  float lower = mix(texelFetch(map, ivec2(low.x, high.y), 0).r, texelFetch(map, high, 0).r, share.x);
  return mix(upper, lower, share.y);
}

float looked(float at) {
  int last = textureSize(table, 0).x - 1;
  float inside = clamp(at, 0.0, float(last));
  int low = int(inside);
  float upper = texelFetch(table, ivec2(min(low + 1, last), 0), 0).r;
  return mix(texelFetch(table, ivec2(low, 0), 0).r, upper, inside - float(low)) / 255.0;
}

float bright(float given) {
  float along = line.x * given + line.y;
  float grey = curve == 1 ? (along > 0.0 ? 1.0 : 0.0)
    : curve == 2 ? 1.0 / (1.0 + exp(-along))
    : curve == 3 ? looked(along)
    : clamp(along, 0.0, 1.0);
  return inverted ? 1.0 - grey : grey;
}

void main() {
  vec3 device = vec3(gl_FragCoord.x, rows - gl_FragCoord.y, 1.0);
  vec2 at = matrix * device;
  vec2 size = vec2(textureSize(raster, 0));
  colour = vec4(0.0, 0.0, 0.0, 1.0);
  if (any(lessThan(at, vec2(0.0))) || any(greaterThanEqual(at, size))) return;
  colour.rgb = vec3(bright(between(at)));
  if (opacity <= 0.0) return;
  float share = betweenMap(mapMatrix * device);
  vec3 tint = texelFetch(ramp, ivec2(int(255.0 * share + 0.5), 0), 0).rgb;
  colour.rgb = mix(colour.rgb, tint, opacity * share);
}`;

const KEPT = 8;

export class WebglRenderer {
  // Throws where there is no WebGL2.
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
    if (!this.gl) throw new Error("no WebGL2");
    this.program = linked(this.gl);
    this.textures = new Map();
    this.gl.useProgram(this.program);
    for (const [unit, name] of ["raster", "map", "ramp", "table"].entries()) this.gl.uniform1i(this.place(name), unit);
    this.none = { width: 1, height: 1, data: new Uint8Array(1) };
  }

  get largest() {
    return this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE);
  }

  place(name) {
    return this.gl.getUniformLocation(this.program, name);
  }

  draw({ level, matrix, curve, inverted, map, mapMatrix, ramp, opacity }) {
    const { gl, canvas } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    this.bind(0, level, level.data instanceof Uint16Array ? [gl.R16UI, gl.RED_INTEGER, gl.UNSIGNED_SHORT] : [gl.R8UI, gl.RED_INTEGER, gl.UNSIGNED_BYTE]);
    this.bind(1, map ?? this.none, [gl.R8, gl.RED, gl.UNSIGNED_BYTE]);
    if (map) this.bind(2, { width: 256, height: 1, data: ramp }, [gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE]);
    if (curve.levels) this.bind(3, { width: curve.levels.length, height: 1, data: curve.levels }, [gl.R32F, gl.RED, gl.FLOAT]);
    gl.uniform1f(this.place("rows"), canvas.height);
    gl.uniformMatrix3x2fv(this.place("matrix"), false, columns(matrix));
    gl.uniformMatrix3x2fv(this.place("mapMatrix"), false, columns(mapMatrix));
    gl.uniform1i(this.place("curve"), curve.curve);
    gl.uniform2f(this.place("line"), curve.gain, curve.offset);
    gl.uniform1i(this.place("inverted"), inverted ? 1 : 0);
    gl.uniform1f(this.place("opacity"), map ? opacity : 0);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  // Textures are made once for each array of numbers; those longest unused leave the card when there are many.
  bind(unit, { width, height, data }, [inside, format, type]) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    const known = this.textures.get(data);
    if (known) {
      this.textures.delete(data);
      this.textures.set(data, known);
      gl.bindTexture(gl.TEXTURE_2D, known);
      return;
    }
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, inside, width, height, 0, format, type, data);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    this.textures.set(data, texture);
    this.forget();
  }

  forget() {
    while (this.textures.size > KEPT) {
      const [data, texture] = this.textures.entries().next().value;
      this.gl.deleteTexture(texture);
      this.textures.delete(data);
    }
  }
}

// From [a, b, c, d, e, f] row by row to the columns GLSL wants.
function columns([a, b, c, d, e, f]) {
  return [a, c, b, d, e, f];
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "WebGL2");
  return program;
}
