using System.Text.Json.Serialization.Metadata;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Protocol;

namespace PerfCompare.Agent;

/// <summary>
/// Answers the backend's calls, one line at a time. A run goes on by itself while further lines are
/// answered, so that it can be cancelled.
/// </summary>
internal sealed class AgentServer(MessageWriter writer)
{
    private static readonly ProtocolJsonContext s_json = ProtocolJsonContext.Default;

    private PreparedAgent? _agent;
    private volatile ActiveRun? _active;

    private PreparedAgent Agent =>
        _agent ?? throw new RpcException(ErrorCode.NotInitialised, "initialize has not been called");

    /// <summary>Handles one line; false when the agent shall end.</summary>
    public async Task<bool> HandleAsync(byte[] line)
    {
        var call = RequestReader.Read(line);
        if (call.Request is not { } request)
        {
            writer.Refuse(call.Id, call.Error, call.Problem);
            return true;
        }

        try
        {
            return await AnswerAsync(request).ConfigureAwait(false);
        }
        catch (RpcException refusal)
        {
            Refuse(request, refusal.Code, refusal.Message);
            return true;
        }
    }

    private async Task<bool> AnswerAsync(RpcRequest request)
    {
        switch (request.Method)
        {
            case "initialize":
                Initialize(request);
                break;
            case "warmup":
                WarmUp(request, Agent);
                break;
            case "run":
                Run(request, Agent);
                break;
            case "bareLoop":
                RunBare(request, Agent);
                break;
            case "cancel" when Agent is not null:
                await CancelAsync(request).ConfigureAwait(false);
                break;
            case "runtimeStatistics" when Agent is not null:
                Reply(request, RuntimeCounters.Read(), s_json.RuntimeStatistics);
                break;
            case "shutdown":
                Reply(request, new Nothing(), s_json.Nothing);
                return false;
            default:
                throw new RpcException(ErrorCode.MethodNotFound, $"there is no method {request.Method}");
        }

        return true;
    }

    private void Initialize(RpcRequest request)
    {
        if (_agent is not null)
        {
            throw new RpcException(ErrorCode.InvalidRequest, "initialize has been called before");
        }

        var parameters = RequestReader.Parameters(request, s_json.InitializeParams);
        _agent = new(parameters);
        Reply(request, AgentIdentity.Describe(parameters.Configuration.Flavour), s_json.InitializeResult);
    }

    private void WarmUp(RpcRequest request, PreparedAgent agent)
    {
        var warmup = RequestReader.Parameters(request, s_json.WarmupParams);
        Start(request, warmup.RunId, active => agent.WarmUpAsync(warmup, active), s_json.WarmupResult);
    }

    private void Run(RpcRequest request, PreparedAgent agent)
    {
        var run = RequestReader.Parameters(request, s_json.RunParams);
        if (!AgentIdentity.Modes.Contains(run.Mode))
        {
            throw new RpcException(ErrorCode.UnsupportedMode, $"mode {WireName.Of(run.Mode)} is not supported");
        }

        Start(request, run.RunId, active => agent.RunAsync(run, active, new(run.RunId, writer)), s_json.RunResult);
    }

    private void RunBare(RpcRequest request, PreparedAgent agent)
    {
        var bare = RequestReader.Parameters(request, s_json.BareLoopParams);
        Start(request, request.Method, active => agent.RunBareAsync(bare, active), s_json.BareLoopResult);
    }

    private async Task CancelAsync(RpcRequest request)
    {
        var runId = RequestReader.Parameters(request, s_json.CancelParams).RunId;
        var active = _active is { } candidate && candidate.RunId == runId && candidate.TryCancel()
            ? candidate
            : null;
        Reply(request, new CancelResult(active is not null), s_json.CancelResult);
        if (active is not null)
        {
            await active.AbortAsync().ConfigureAwait(false);
        }
    }

    private void Start<T>(
        RpcRequest request,
        string runId,
        Func<ActiveRun, Task<T>> work,
        JsonTypeInfo<T> type)
    {
        if (_active is not null)
        {
            throw new RpcException(ErrorCode.Busy, "a run is active");
        }

        var active = new ActiveRun(runId);
        _active = active;
        _ = Task.Run(() => FinishAsync(request, active, work, type));
    }

    private async Task FinishAsync<T>(
        RpcRequest request,
        ActiveRun active,
        Func<ActiveRun, Task<T>> work,
        JsonTypeInfo<T> type)
    {
        try
        {
            var result = await work(active).ConfigureAwait(false);

            // Before the reply: the backend may send the next call as soon as it has read it.
            _active = null;
            Reply(request, result, type);
        }
#pragma warning disable CA1031 // The backend waits for an answer, whatever has happened.
        catch (Exception problem)
#pragma warning restore CA1031
        {
            _active = null;
            Log.Write(problem.ToString());
            Refuse(request, ErrorCode.InternalError, problem.Message);
        }
    }

    private void Reply<T>(RpcRequest request, T result, JsonTypeInfo<T> type)
    {
        if (request.Id is { } id)
        {
            writer.Reply(id, result, type);
        }
    }

    private void Refuse(RpcRequest request, ErrorCode code, string message)
    {
        // A notification has nobody who waits for an answer.
        if (request.Id is { } id)
        {
            writer.Refuse(id, code, message);
        }
    }
}
