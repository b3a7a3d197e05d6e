using System.Diagnostics;

namespace PerfCompare.Agent.Model;

/// <summary>
/// One iteration: what it asks, and what it leaves behind in raw form. The transport finds it through
/// the execution context, since the libraries above it pass nothing of ours along.
/// </summary>
internal sealed class Iteration(
    string runId,
    long sequence,
    string prompt,
    object? session,
    CancellationToken cancelled)
{
    private static readonly AsyncLocal<Iteration?> s_current = new();

    private readonly List<ModelExchange> _exchanges = new(1);

    // Made before the clock starts; an iteration with more calls makes theirs on the way.
    private ModelExchange? _prepared = Prepare(runId, sequence, 1, cancelled);

    public static Iteration? Current
    {
        get => s_current.Value;
        set => s_current.Value = value;
    }

    public string Prompt { get; } = prompt;

    /// <summary>What the turns of a conversation share, in the caller's own form.</summary>
    public object? Session { get; } = session;

    public IReadOnlyList<ModelExchange> Exchanges => _exchanges;

    /// <summary>How many pieces of text the caller of the stream has seen.</summary>
    public int Chunks { get; private set; }

    /// <summary>When the first one was seen; 0 before it.</summary>
    public long FirstText { get; private set; }

    public long LastText { get; private set; }

    public int ToolCalls { get; private set; }

    /// <summary>Time inside the invocations of local functions, in the unit of timestamps.</summary>
    public long ToolTime { get; private set; }

    /// <summary>Whether the answer became a typed object; null where there was none to read.</summary>
    public bool? Parsed { get; private set; }

    public ModelExchange BeginExchange()
    {
        var exchange = _prepared ?? Prepare(runId, sequence, _exchanges.Count + 1, cancelled);
        _prepared = null;
        _exchanges.Add(exchange);
        return exchange;
    }

    /// <summary>The caller of the stream sees a piece of text.</summary>
    public void SeeText()
    {
        LastText = Stopwatch.GetTimestamp();
        FirstText = Chunks++ == 0 ? LastText : FirstText;
    }

    /// <summary>A local function that was invoked at <paramref name="started"/> has returned.</summary>
    public void EndInvocation(long started)
    {
        ToolCalls++;
        ToolTime += Stopwatch.GetTimestamp() - started;
    }

    /// <summary>Lets <paramref name="read"/> make a typed object of the answer; what it throws is thrown.</summary>
    public void Parse(Func<object> read)
    {
        Parsed = false;
        Parsed = read() is not null;
    }

    private static ModelExchange Prepare(string runId, long sequence, int call, CancellationToken cancelled) =>
        new(TraceIds.Derive(runId, sequence, call).TraceParent, cancelled);
}
